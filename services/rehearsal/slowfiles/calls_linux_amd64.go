package slowfiles

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// archCalls are the older calls, which programs with a C library still use.
var archCalls = map[uint32]call{
	unix.SYS_OPEN:       {kind: Open, operands: at(cwd, 0, openFlags, 1)},
	unix.SYS_CREAT:      {kind: Create, operands: path(0, follow)},
	unix.SYS_NEWFSTATAT: {kind: Stat, operands: at(0, 1, noFollowAt, 3)},
	unix.SYS_STAT:       {kind: Stat, operands: path(0, follow)},
	unix.SYS_LSTAT:      {kind: Stat, operands: path(0, noFollow)},
	unix.SYS_ACCESS:     {kind: Stat, operands: path(0, follow)},
	unix.SYS_READLINK:   {kind: Stat, operands: path(0, noFollow)},
	unix.SYS_GETDENTS:   {kind: List, operands: fd(0)},
	unix.SYS_RENAME:     {kind: Rename, operands: append(path(0, noFollow), path(1, noFollow)...)},
	unix.SYS_RENAMEAT:   {kind: Rename, operands: append(at(0, 1, noFollow, 0), at(2, 3, noFollow, 0)...)},
	unix.SYS_UNLINK:     {kind: Remove, operands: path(0, noFollow)},
	unix.SYS_RMDIR:      {kind: Remove, operands: path(0, noFollow)},
	unix.SYS_MKDIR:      {kind: Mkdir, operands: path(0, noFollow)},
	unix.SYS_MKNOD:      {kind: Mkdir, operands: path(0, noFollow)},
	unix.SYS_LINK:       {kind: Link, operands: append(path(0, noFollow), path(1, noFollow)...)},
	unix.SYS_SYMLINK:    {kind: Link, operands: path(1, noFollow)},
	unix.SYS_CHMOD:      {kind: Setattr, operands: path(0, follow)},
	unix.SYS_CHOWN:      {kind: Setattr, operands: path(0, follow)},
	unix.SYS_LCHOWN:     {kind: Setattr, operands: path(0, noFollow)},
	unix.SYS_UTIME:      {kind: Setattr, operands: path(0, follow)},
	unix.SYS_UTIMES:     {kind: Setattr, operands: path(0, follow)},
	unix.SYS_FUTIMESAT:  {kind: Setattr, operands: at(0, 1, follow, 0)},
}
