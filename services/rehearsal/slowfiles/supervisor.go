//go:build linux && (amd64 || arm64)

package slowfiles

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Supported: this system can make files slow, or read-only. The kernel may still
// refuse it, which New cannot tell and the launcher reports.
const Supported = true

// launcherPackage is the program that Command puts before a command line.
const launcherPackage = "wikibot.io/services/rehearsal/cmd/slowfiles"

// Supervisor delays, fails and counts the file operations of the commands that
// were started behind its launcher. It is safe for concurrent use.
type Supervisor struct {
	folders  []string
	launcher string
	dir      string // of the socket, and of the launcher if New built it
	readOnly bool
	listener *net.UnixListener
	// wake is a pipe whose writing end is closed to tell all clients to end.
	wakeRead, wakeWrite *os.File
	running             sync.WaitGroup
	close               sync.Once

	mu     sync.Mutex
	delay  time.Duration
	rate   float64
	rng    *rand.Rand
	counts map[string]int64
}

// New starts a supervisor, which runs until Close.
func New(o Options) (*Supervisor, error) {
	folders, err := o.check()
	if err != nil {
		return nil, fmt.Errorf("make files slow: %w", err)
	}
	s := &Supervisor{
		folders: folders, launcher: o.Launcher, readOnly: o.ReadOnly, delay: o.Delay, rate: o.FailureRate,
		rng: rand.New(rand.NewPCG(o.Seed, o.Seed)), counts: map[string]int64{},
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("make files slow: %w", err), s.Close())
	}
	s.running.Go(s.accept)
	return s, nil
}

func (s *Supervisor) open() (err error) {
	// The temp folder of a test can exceed the 107 bytes of a socket's path.
	if s.dir, err = os.MkdirTemp("", "slowfiles-"); err != nil {
		return err
	}
	if s.launcher == "" {
		s.launcher = filepath.Join(s.dir, "slowfiles")
		build := exec.CommandContext(context.Background(), "go", "build", "-o", s.launcher, launcherPackage)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build the launcher: %w\n%s", err, out)
		}
	}
	if s.wakeRead, s.wakeWrite, err = os.Pipe(); err != nil {
		return err
	}
	s.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: s.socket(), Net: "unix"})
	return err
}

func (s *Supervisor) socket() string { return filepath.Join(s.dir, "socket") }

// Command returns the command line that runs argv behind the launcher. The
// launcher becomes argv's program: its process id, standard streams and signals
// are the program's. Each start is a host of its own, with a cold page cache.
func (s *Supervisor) Command(argv []string) []string {
	return slices.Concat([]string{s.launcher, s.socket()}, argv)
}

// Counts returns how many operations on slow files there were, by kind.
func (s *Supervisor) Counts() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// SetFailureRate changes the share of operations that fail.
func (s *Supervisor) SetFailureRate(rate float64) error {
	if err := checkRate(rate); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rate = rate
	return nil
}

// SetDelay changes how long each operation takes.
func (s *Supervisor) SetDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = max(d, 0)
}

// Close ends the supervision; call it when the commands have ended. To one that
// still runs everything that the filter reports fails from then on with ENOSYS,
// reads and writes of any descriptor included: there is no way to take a filter
// back.
func (s *Supervisor) Close() error {
	var errs []error
	s.close.Do(func() {
		if s.listener != nil {
			errs = append(errs, s.listener.Close())
		}
		if s.wakeWrite != nil {
			errs = append(errs, s.wakeWrite.Close())
		}
		s.running.Wait()
		if s.wakeRead != nil {
			errs = append(errs, s.wakeRead.Close())
		}
		errs = append(errs, os.RemoveAll(s.dir))
	})
	return errors.Join(errs...)
}

// accept takes over the commands that launchers announce.
func (s *Supervisor) accept() {
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			return // closed
		}
		s.running.Go(func() { s.takeOver(conn) })
	}
}

// takeOver receives a command's notifications and serves them to its end. The
// launcher waits for the answer, so that none is lost.
func (s *Supervisor) takeOver(conn *net.UnixConn) {
	// A launcher says what it has to say at once; this ends the wait for another.
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	listener, err := receive(conn)
	if err == nil {
		_, err = conn.Write([]byte{1})
	}
	conn.Close()
	if listener < 0 {
		return
	}
	if err != nil {
		unix.Close(listener)
		return
	}
	newClient(s, listener).run(int(s.wakeRead.Fd()))
}

// receive takes the file descriptor out of a launcher's message.
func receive(conn *net.UnixConn) (fd int, err error) {
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(make([]byte, 1), oob)
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		return -1, errors.Join(err, errors.New("a launcher sent no descriptor"))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, errors.Join(err, errors.New("a launcher sent no descriptor"))
	}
	unix.CloseOnExec(fds[0])
	return fds[0], nil
}

// below reports whether a path, as the kernel names it, lies in a slow folder.
func (s *Supervisor) below(path string) bool {
	for _, folder := range s.folders {
		if rest, ok := strings.CutPrefix(path, folder); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// charge counts an operation and rolls the dice: it returns how long the
// operation takes and what it then fails with, 0 for nothing.
func (s *Supervisor) charge(kind string) (time.Duration, unix.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[kind]++
	if kind == Refused {
		return s.delay, unix.EROFS
	}
	if s.rate == 0 || s.rng.Float64() >= s.rate {
		return s.delay, 0
	}
	causes := []unix.Errno{unix.EIO, unix.ESTALE}
	if writes(kind) {
		causes = append(causes, unix.ENOSPC)
	}
	return s.delay, causes[s.rng.IntN(len(causes))]
}

func writes(kind string) bool {
	switch kind {
	case Create, Write, Sync, Rename, Mkdir, Link, Setattr:
		return true
	}
	return false
}
