package slowfiles

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// archCalls are the calls that bear another name here.
var archCalls = map[uint32]call{
	unix.SYS_FSTATAT:  {kind: Stat, operands: at(0, 1, noFollowAt, 3)},
	unix.SYS_RENAMEAT: {kind: Rename, operands: append(at(0, 1, noFollow, 0), at(2, 3, noFollow, 0)...)},
}
