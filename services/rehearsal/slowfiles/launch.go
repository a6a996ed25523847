//go:build linux && (amd64 || arm64)

package slowfiles

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Launch is the launcher: its arguments are the supervisor's socket and the
// command line to become. It returns only if that fails.
func Launch(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: slowfiles SOCKET PROGRAM [ARGUMENT…]; see slowfiles.Supervisor.Command")
	}
	program, err := exec.LookPath(args[1])
	if err != nil {
		return err
	}
	conn, err := connect(args[0])
	if err != nil {
		return fmt.Errorf("reach the supervisor of slow files at %s: %w", args[0], err)
	}
	// The filter holds for this thread alone, and for what it becomes. From here
	// to the supervisor's answer nothing may be called that the filter reports:
	// nobody would be there to let it continue.
	runtime.LockOSThread()
	listener, err := install(filter())
	if err != nil {
		return fmt.Errorf("install the filter for file operations: %w", err)
	}
	if err := handOver(conn, listener); err != nil {
		return fmt.Errorf("hand file operations to their supervisor: %w", err)
	}
	return fmt.Errorf("become %s: %w", program, unix.Exec(program, args[1:], os.Environ()))
}

func connect(socket string) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return fd, unix.Connect(fd, &unix.SockaddrUnix{Name: socket})
}

// install puts the filter in force and returns the descriptor on which calls are
// reported, which closes on exec.
func install(program []unix.SockFilter) (fd int, err error) {
	// Without privileges a filter may be installed only by who renounces gaining
	// any: setuid programs do not get them behind this launcher.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, err
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	var errno unix.Errno
	// Once a call was reported only a fatal signal may end it. Otherwise each of
	// Go's preemption signals would restart it, delay and all. Linux 5.19 and
	// later; older ones do without.
	for _, flags := range []uintptr{
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
	} {
		var r uintptr
		r, _, errno = unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
		if errno == 0 {
			return int(r), nil
		}
		if errno != unix.EINVAL {
			break
		}
	}
	return -1, errno
}

// handOver sends the descriptor and waits for the answer, by calls that the
// filter lets pass.
func handOver(conn, listener int) error {
	if err := unix.Sendmsg(conn, []byte{1}, unix.UnixRights(listener), nil, 0); err != nil {
		return err
	}
	for {
		n, _, err := unix.Recvfrom(conn, make([]byte, 1), 0)
		if err == unix.EINTR {
			continue
		}
		if err == nil && n == 0 {
			err = errors.New("it went away")
		}
		return err
	}
}
