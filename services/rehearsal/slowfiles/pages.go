//go:build linux && (amd64 || arm64)

package slowfiles

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// block is how much a client reads at a time, at least: Linux reads ahead so much
// on NFS unless told to read more.
const block = 128 << 10

// file names a version of a file's content.
type file struct {
	dev, ino uint64
	size     int64
	mtime    unix.Timespec
}

// pages is what a host's page cache holds of slow files. It forgets nothing of
// its own: a host that runs for minutes does not come near its memory's end.
type pages map[file]map[int64]bool

// miss reports whether a reading call needs a block that is not there, and takes
// in all that it reads.
func (p pages) miss(link string, n *notification, sp span) bool {
	var st unix.Stat_t
	if err := unix.Stat(link, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false
	}
	from := sp.position(link, n)
	to := min(from+sp.size(n), st.Size)
	if from >= to { // the end of the file is known without asking
		return false
	}
	f := file{uint64(st.Dev), st.Ino, st.Size, st.Mtim}
	held := p[f]
	if held == nil {
		held = map[int64]bool{}
		p[f] = held
	}
	missed := false
	for b := from / block; b <= (to-1)/block; b++ {
		missed = missed || !held[b]
		held[b] = true
	}
	return missed
}

// position is where the call reads.
func (sp span) position(link string, n *notification) int64 {
	if sp.offset >= 0 && !sp.indirect && n.args[sp.offset] != ^uint64(0) { // preadv2 takes -1 for the descriptor's own
		return int64(n.args[sp.offset])
	}
	if sp.offset >= 0 && sp.indirect && n.args[sp.offset] != 0 {
		return int64(readUint64(int(n.pid), n.args[sp.offset]))
	}
	info, err := os.ReadFile(strings.Replace(link, "/fd/", "/fdinfo/", 1))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(info)) {
		if rest, ok := strings.CutPrefix(line, "pos:"); ok {
			pos, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
			return pos
		}
	}
	return 0
}

// size is how many bytes the call asks for.
func (sp span) size(n *notification) int64 {
	if sp.vector < 0 {
		return int64(min(n.args[sp.length], 1<<40))
	}
	var sum int64
	for i := range min(n.args[sp.vector+1], 1024) {
		sum += int64(readUint64(int(n.pid), n.args[sp.vector]+16*i+8))
	}
	return sum
}
