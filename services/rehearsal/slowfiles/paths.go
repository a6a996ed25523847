//go:build linux && (amd64 || arm64)

package slowfiles

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// place is where an operand lies.
type place struct {
	link  string // /proc/<pid>/fd/<n>, for operands that are descriptors
	flags uint64 // open flags, for calls that open
}

// locate finds out whether an operand lies in a slow folder. The caller waits in
// its call meanwhile, so its descriptors and its memory hold still unless other
// threads of it change them, which would be a race of its own.
func (c *client) locate(n *notification, o operand) (place, bool) {
	proc := "/proc/" + strconv.Itoa(int(n.pid))
	if o.path == byFD {
		link := proc + "/fd/" + strconv.Itoa(int(int32(n.args[o.dir])))
		target, err := os.Readlink(link) // of a deleted file: its old path and " (deleted)"
		return place{link: link}, err == nil && c.s.below(target)
	}
	name, ok := readString(int(n.pid), n.args[o.path])
	if !ok || name == "" { // with an empty path the call is about the descriptor, like fstat
		return place{}, false
	}
	base := proc + "/cwd"
	if o.dir != cwd && int32(n.args[o.dir]) != unix.AT_FDCWD {
		base = proc + "/fd/" + strconv.Itoa(int(int32(n.args[o.dir])))
	}
	if strings.HasPrefix(name, "/") {
		base = ""
		for _, self := range []string{"/proc/self/", "/proc/thread-self/"} {
			if rest, ok := strings.CutPrefix(name, self); ok {
				name = proc + "/" + rest
			}
		}
	}
	followed, flags := o.follows(n)
	return place{flags: flags}, c.s.below(resolve(base, name, followed, 10))
}

// follows says whether a symbolic link at the end of the path is followed, and
// with which flags the call opens.
func (o operand) follows(n *notification) (bool, uint64) {
	flags := n.args[o.flags]
	switch o.last {
	case noFollow:
		return false, 0
	case noFollowAt:
		return flags&unix.AT_SYMLINK_NOFOLLOW == 0, 0
	case followAt:
		return flags&unix.AT_SYMLINK_FOLLOW != 0, 0
	case openHowFlag:
		flags = readUint64(int(n.pid), flags)
		fallthrough
	case openFlags:
		const exclusive = unix.O_CREAT | unix.O_EXCL
		return flags&unix.O_NOFOLLOW == 0 && flags&exclusive != exclusive, flags
	}
	return true, 0
}

// resolve returns the path as the kernel names it after all symbolic links. What
// does not exist is named after the folder it would be in.
func resolve(base, name string, followed bool, depth int) string {
	full := name
	if base != "" {
		full = base + "/" + name
	}
	if strings.HasSuffix(full, "/") { // the slash asks for a folder, so a link is followed
		full, followed = strings.TrimRight(full, "/"), true
	}
	if full == "" || depth == 0 {
		return "/"
	}
	flags := unix.O_PATH | unix.O_CLOEXEC
	if !followed {
		flags |= unix.O_NOFOLLOW
	}
	if fd, err := unix.Open(full, flags, 0); err == nil {
		defer unix.Close(fd)
		target, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		if err == nil {
			return target
		}
	}
	if base != "" && full == base { // a folder that was deleted
		target, _ := os.Readlink(base)
		return target
	}
	parent := resolve("", filepath.Dir(full), true, depth-1)
	if followed {
		// A link to what does not exist: it would be made at the link's target.
		if target, err := os.Readlink(full); err == nil {
			if filepath.IsAbs(target) {
				return resolve("", target, true, depth-1)
			}
			return resolve(parent, target, true, depth-1)
		}
	}
	return filepath.Join(parent, filepath.Base(full))
}

const maxPath = 4096 // PATH_MAX

// readString reads a C string from a process's memory, page by page: what follows
// the string's page may not be mapped.
func readString(pid int, addr uint64) (string, bool) {
	var text []byte
	for len(text) < maxPath {
		chunk := make([]byte, min(256, 4096-addr%4096))
		n := readMemory(pid, addr, chunk)
		if end := bytes.IndexByte(chunk[:n], 0); end >= 0 {
			return string(append(text, chunk[:end]...)), true
		}
		if n < len(chunk) {
			break
		}
		text = append(text, chunk...)
		addr += uint64(len(chunk))
	}
	return "", false
}

// readUint64 returns 0 for what cannot be read.
func readUint64(pid int, addr uint64) uint64 {
	b := make([]byte, 8)
	if readMemory(pid, addr, b) < len(b) {
		return 0
	}
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

func readMemory(pid int, addr uint64, b []byte) int {
	local := []unix.Iovec{{Base: &b[0]}}
	local[0].SetLen(len(b))
	remote := []unix.RemoteIovec{{Base: uintptr(addr), Len: len(b)}}
	n, err := unix.ProcessVMReadv(pid, local, remote, 0)
	if err != nil {
		return 0
	}
	return n
}
