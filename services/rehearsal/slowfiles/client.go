//go:build linux && (amd64 || arm64)

package slowfiles

import (
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// notification is struct seccomp_notif.
type notification struct {
	id    uint64
	pid   uint32
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

// response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	val   int64
	error int32
	flags uint32
}

// client is one launched command with its children: to the file server, one host.
type client struct {
	s        *Supervisor
	listener int // where its calls are reported
	waiting  sync.WaitGroup
	pages    pages
}

func newClient(s *Supervisor, listener int) *client {
	// A hint that the two sides take turns; Linux 6.6 and later know it.
	unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_SET_FLAGS, unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
	return &client{s: s, listener: listener, pages: pages{}}
}

// run serves the command's calls until it and its children have ended, or the
// supervisor is closed.
func (c *client) run(wake int) {
	defer func() {
		c.waiting.Wait() // they answer on the listener
		unix.Close(c.listener)
	}()
	fds := []unix.PollFd{{Fd: int32(c.listener), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, -1); err == unix.EINTR {
			continue
		} else if err != nil {
			return
		}
		switch {
		case fds[1].Revents != 0:
			return
		case fds[0].Revents&unix.POLLIN != 0:
			c.next()
		case fds[0].Revents != 0: // nobody is left to report anything
			return
		}
	}
}

// next receives one call and settles it, or leaves that to a goroutine.
func (c *client) next() {
	var n notification
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(c.listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n))); errno != 0 {
		return // ENOENT: the caller was killed meanwhile
	}
	// Only this goroutine looks at the page cache, so that it needs no lock.
	var delay time.Duration
	var fail unix.Errno
	for _, kind := range c.cost(&n) {
		d, errno := c.s.charge(kind)
		delay += d
		if fail == 0 {
			fail = errno
		}
	}
	if delay == 0 {
		c.answer(n.id, fail)
		return
	}
	c.waiting.Go(func() {
		sleep(delay)
		c.answer(n.id, fail)
	})
}

// answer lets a call continue, or fail. That the caller is gone is no error.
func (c *client) answer(id uint64, fail unix.Errno) {
	r := response{id: id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if fail != 0 {
		r.flags, r.error = 0, -int32(fail)
	}
	unix.Syscall(unix.SYS_IOCTL, uintptr(c.listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&r)))
}

// sleep is exact to some 0.1 ms. time.Sleep, which shares one timer with all of
// the process, may be late by half of what is slept here.
func sleep(d time.Duration) {
	left := unix.NsecToTimespec(int64(d))
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &left, &left) == unix.EINTR {
	}
}

// cost returns the kinds of round trips that a call takes; none if it is on
// other files, or can be served from what the host holds.
func (c *client) cost(n *notification) []string {
	call, ok := calls[uint32(n.nr)]
	if !ok {
		return nil
	}
	var kinds []string
	paths := 0
	for _, o := range call.operands {
		where, slow := c.locate(n, o)
		if !slow {
			continue
		}
		kind := call.kind
		switch {
		case o.kind != "":
			kind = o.kind
		case kind == Open && where.flags&unix.O_CREAT != 0:
			kind = Create
		case kind == Read && !c.pages.miss(where.link, n, call.span):
			continue
		}
		if o.path != byFD {
			if paths++; paths > 1 {
				continue // renames and links name two files in one round trip
			}
		}
		if c.s.readOnly && changes(kind, where.flags) {
			kind = Refused
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// changes reports whether an operation would change a file or a folder. Flags are
// those of an open: one that would create is refused even if the file is there,
// as by a server that does not look first.
func changes(kind string, flags uint64) bool {
	switch kind {
	case Open:
		return flags&unix.O_PATH == 0 && flags&(unix.O_ACCMODE|unix.O_TRUNC) != unix.O_RDONLY
	case Create, Write, Rename, Remove, Mkdir, Link, Setattr:
		return true
	}
	return false
}
