//go:build linux && (amd64 || arm64)

package slowfiles

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data; both systems are little-endian, so that the low
// half of an argument comes first.
const (
	offNr   = 0
	offArch = 4
	offArgs = 16
)

// filter is the BPF program: calls in the table are reported, all others pass.
// The few whose argument tells that they cannot concern a slow file pass too.
func filter() []unix.SockFilter {
	report := ret(unix.SECCOMP_RET_USER_NOTIF)
	pass := ret(unix.SECCOMP_RET_ALLOW)
	p := []unix.SockFilter{
		load(offArch), // calls of another architecture (32-bit programs) have other numbers
		jump(unix.BPF_JEQ, auditArch, 1, 0),
		pass,
		load(offNr),
		// Otherwise it would pass by the filter.
		jump(unix.BPF_JEQ, unix.SYS_IO_URING_SETUP, 0, 1),
		ret(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)),

		jump(unix.BPF_JEQ, unix.SYS_MMAP, 0, 4),
		load(offArgs + 8*3),
		jump(unix.BPF_JSET, unix.MAP_ANONYMOUS, 0, 1),
		pass,
		report,

		jump(unix.BPF_JEQ, unix.SYS_FCNTL, 0, uint8(len(lockCommands))+3),
		load(offArgs + 8*1),
	}
	for i, cmd := range lockCommands {
		p = append(p, jump(unix.BPF_JEQ, cmd, uint8(len(lockCommands)-i), 0))
	}
	p = append(p, pass, report)
	numbers := make([]uint32, 0, len(calls))
	for nr := range calls {
		if nr != unix.SYS_MMAP && nr != unix.SYS_FCNTL {
			numbers = append(numbers, nr)
		}
	}
	slices.Sort(numbers)
	for _, nr := range numbers {
		p = append(p, jump(unix.BPF_JEQ, nr, 0, 1), report)
	}
	return append(p, pass)
}

// lockCommands are the fcntl commands that ask the server for a lock.
var lockCommands = []uint32{unix.F_SETLK, unix.F_SETLKW, unix.F_GETLK, unix.F_OFD_SETLK, unix.F_OFD_SETLKW, unix.F_OFD_GETLK}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func jump(condition uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | condition, Jt: yes, Jf: no, K: k}
}

func ret(value uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value}
}
