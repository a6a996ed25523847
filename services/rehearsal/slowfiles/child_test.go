//go:build linux && (amd64 || arm64)

package slowfiles_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// child runs steps, each a verb and its operands, and returns the exit code.
func child(steps []string) int {
	for _, step := range steps {
		if err := do(strings.Fields(step)); err != nil {
			fmt.Fprintln(os.Stderr, step+":", err)
			return 1
		}
	}
	return 0
}

// exitNoFiles is how a child ends when its supervisor has gone.
const exitNoFiles = 3

// The calls are made directly where the library would make others besides.
func do(w []string) error {
	verb, name := w[0], w[1]
	switch verb {
	case "read":
		return readAll(name)
	case "write":
		return write(name, os.O_CREATE|os.O_WRONLY)
	case "append":
		return write(name, os.O_APPEND|os.O_WRONLY)
	case "stat":
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
		return nil
	case "sync":
		return with(name, unix.Fsync)
	case "rename":
		return unix.Rename(name, w[2])
	case "list":
		return with(name, func(fd int) error { _, err := unix.Getdents(fd, make([]byte, 4096)); return err })
	case "remove":
		return os.Remove(name)
	case "mkdir":
		return unix.Mkdir(name, 0o700)
	case "symlink":
		return unix.Symlink(name, w[2])
	case "chmod":
		return unix.Chmod(name, 0o640)
	case "truncate":
		return unix.Truncate(name, 4096)
	case "lock":
		return with(name, func(fd int) error { return unix.Flock(fd, unix.LOCK_EX) })
	case "map":
		return with(name, func(fd int) error {
			_, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE)
			return err
		})
	case "fail":
		if err := do(w[1:]); err == nil {
			return errors.New("succeeded")
		}
		return nil
	case "refused":
		if err := do(w[1:]); !errors.Is(err, unix.EROFS) {
			return fmt.Errorf("got %v, want EROFS", err)
		}
		return nil
	case "open":
		return with(name, func(int) error { return nil })
	}
	return doMore(w)
}

func doMore(w []string) error {
	verb, name := w[0], w[1]
	switch verb {
	case "copy":
		return with(name, func(from int) error {
			to, err := unix.Open(w[2], unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
			if err != nil {
				return err
			}
			_, err = unix.CopyFileRange(from, nil, to, nil, 1<<20, 0)
			return err
		})
	case "deleted":
		fd, err := unix.Open(name, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := unix.Unlink(name); err != nil {
			return err
		}
		if _, err := unix.Pread(fd, make([]byte, 10), 0); err != nil {
			return err
		}
		_, err = unix.Write(fd, []byte("x"))
		return err
	case "hardlink":
		return unix.Link(name, w[2])
	case "empty":
		_, err := unix.Open(name, unix.O_RDONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0)
		return err
	case "unlink":
		return unix.Unlink(name)
	case "proc":
		return with(name, func(fd int) error { return do([]string{"peek", "/proc/self/fd/" + strconv.Itoa(fd)}) })
	case "peek":
		return with(name, func(fd int) error { _, err := unix.Read(fd, make([]byte, 10)); return err })
	case "errno":
		var err error
		if name == "open" {
			_, err = unix.Open(w[2], unix.O_RDONLY|unix.O_CLOEXEC, 0)
		} else {
			_, err = unix.Open(w[2], unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		}
		fmt.Printf("%s: %v\n", name, err)
		return nil
	case "stats", "together", "forever":
		return repeat(w)
	}
	return fmt.Errorf("no such step")
}

func repeat(w []string) error {
	var st unix.Stat_t
	if w[0] == "forever" {
		for {
			if err := unix.Lstat(w[1], &st); err != nil {
				if err == unix.ENOSYS {
					os.Exit(exitNoFiles) // it could not print anything either
				}
				return err
			}
		}
	}
	n, err := strconv.Atoi(w[1])
	if err != nil {
		return err
	}
	if w[0] == "stats" {
		for range n {
			if err := unix.Lstat(w[2], &st); err != nil {
				return err
			}
		}
		return nil
	}
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			var st unix.Stat_t
			unix.Lstat(w[2], &st)
		})
	}
	all.Wait()
	return nil
}

func with(name string, f func(fd int) error) error {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd)
}

func readAll(name string) error {
	return with(name, func(fd int) error {
		b := make([]byte, 10_000)
		for {
			n, err := unix.Read(fd, b)
			if err != nil {
				return err
			}
			if n == 0 {
				return nil
			}
		}
	})
}

func write(name string, flags int) error {
	f, err := os.OpenFile(name, flags, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.WriteString(f, "new")
	return err
}
