//go:build linux && (amd64 || arm64)

package slowfiles

import "golang.org/x/sys/unix"

// call says what a system call does to which files.
type call struct {
	kind     string
	operands []operand
	// span says which arguments tell where a call reads, for the page cache.
	span span
}

// operand is one file that a call names: by a path, from a folder or the current
// one, or by a descriptor.
type operand struct {
	dir  int // argument with the folder's, or the file's own, descriptor; cwd for none
	path int // argument with the path's address; byFD for none
	// last says whether a symbolic link at the path's end is followed.
	last linkRule
	// flags is the argument that linkRule looks at.
	flags int
	// kind overrides the call's, for calls that read here and write there.
	kind string
}

const (
	cwd  = -1
	byFD = -1
)

type linkRule int

const (
	follow      linkRule = iota
	noFollow             // the call is about the link itself
	noFollowAt           // unless AT_SYMLINK_NOFOLLOW is set
	followAt             // only if AT_SYMLINK_FOLLOW is set
	openFlags            // by O_NOFOLLOW, and O_CREAT with O_EXCL
	openHowFlag          // the same, in the struct that openat2 takes
)

// span is how a reading call says where and how much. Arguments are counted from
// 0; -1 is none.
type span struct {
	length   int  // bytes
	vector   int  // or the address of an iovec; the count is the next argument
	offset   int  // position; -1: the descriptor's own
	indirect bool // offset is the address of the position, or 0
}

func fd(arg int) []operand { return []operand{{dir: arg, path: byFD}} }

func at(dir, path int, last linkRule, flags int) []operand {
	return []operand{{dir: dir, path: path, last: last, flags: flags}}
}

func path(arg int, last linkRule) []operand { return at(cwd, arg, last, 0) }

// calls are the system calls that are reported, by number. Those of amd64 alone
// are added by their own file.
var calls = withArch(map[uint32]call{
	unix.SYS_OPENAT:  {kind: Open, operands: at(0, 1, openFlags, 2)},
	unix.SYS_OPENAT2: {kind: Open, operands: at(0, 1, openHowFlag, 2)},

	unix.SYS_STATX:      {kind: Stat, operands: at(0, 1, noFollowAt, 2)},
	unix.SYS_FACCESSAT:  {kind: Stat, operands: at(0, 1, follow, 0)},
	unix.SYS_FACCESSAT2: {kind: Stat, operands: at(0, 1, noFollowAt, 3)},
	unix.SYS_READLINKAT: {kind: Stat, operands: at(0, 1, noFollow, 0)},
	unix.SYS_STATFS:     {kind: Stat, operands: path(0, follow)},
	unix.SYS_CHDIR:      {kind: Stat, operands: path(0, follow)},

	unix.SYS_GETDENTS64: {kind: List, operands: fd(0)},

	unix.SYS_READ:            {kind: Read, operands: fd(0), span: span{length: 2, vector: -1, offset: -1}},
	unix.SYS_READV:           {kind: Read, operands: fd(0), span: span{length: -1, vector: 1, offset: -1}},
	unix.SYS_PREAD64:         {kind: Read, operands: fd(0), span: span{length: 2, vector: -1, offset: 3}},
	unix.SYS_PREADV:          {kind: Read, operands: fd(0), span: span{length: -1, vector: 1, offset: 3}},
	unix.SYS_PREADV2:         {kind: Read, operands: fd(0), span: span{length: -1, vector: 1, offset: 3}},
	unix.SYS_SENDFILE:        {kind: Read, operands: []operand{{dir: 1, path: byFD}, {dir: 0, path: byFD, kind: Write}}, span: span{length: 3, vector: -1, offset: 2, indirect: true}},
	unix.SYS_SPLICE:          {kind: Read, operands: []operand{{dir: 0, path: byFD}, {dir: 2, path: byFD, kind: Write}}, span: span{length: 4, vector: -1, offset: 1, indirect: true}},
	unix.SYS_COPY_FILE_RANGE: {kind: Read, operands: []operand{{dir: 0, path: byFD}, {dir: 2, path: byFD, kind: Write}}, span: span{length: 4, vector: -1, offset: 1, indirect: true}},

	unix.SYS_WRITE:    {kind: Write, operands: fd(0)},
	unix.SYS_WRITEV:   {kind: Write, operands: fd(0)},
	unix.SYS_PWRITE64: {kind: Write, operands: fd(0)},
	unix.SYS_PWRITEV:  {kind: Write, operands: fd(0)},
	unix.SYS_PWRITEV2: {kind: Write, operands: fd(0)},

	unix.SYS_FSYNC:           {kind: Sync, operands: fd(0)},
	unix.SYS_FDATASYNC:       {kind: Sync, operands: fd(0)},
	unix.SYS_SYNC_FILE_RANGE: {kind: Sync, operands: fd(0)},
	unix.SYS_SYNCFS:          {kind: Sync, operands: fd(0)},

	unix.SYS_RENAMEAT2: {kind: Rename, operands: append(at(0, 1, noFollow, 0), at(2, 3, noFollow, 0)...)},
	unix.SYS_UNLINKAT:  {kind: Remove, operands: at(0, 1, noFollow, 0)},
	unix.SYS_MKDIRAT:   {kind: Mkdir, operands: at(0, 1, noFollow, 0)},
	unix.SYS_MKNODAT:   {kind: Mkdir, operands: at(0, 1, noFollow, 0)},
	unix.SYS_LINKAT:    {kind: Link, operands: append(at(0, 1, followAt, 4), at(2, 3, noFollow, 0)...)},
	unix.SYS_SYMLINKAT: {kind: Link, operands: at(1, 2, noFollow, 0)},

	unix.SYS_FCHMOD:    {kind: Setattr, operands: fd(0)},
	unix.SYS_FCHMODAT:  {kind: Setattr, operands: at(0, 1, follow, 0)},
	unix.SYS_FCHMODAT2: {kind: Setattr, operands: at(0, 1, noFollowAt, 3)},
	unix.SYS_FCHOWN:    {kind: Setattr, operands: fd(0)},
	unix.SYS_FCHOWNAT:  {kind: Setattr, operands: at(0, 1, noFollowAt, 4)},
	unix.SYS_UTIMENSAT: {kind: Setattr, operands: at(0, 1, noFollowAt, 3)},
	unix.SYS_TRUNCATE:  {kind: Setattr, operands: path(0, follow)},
	unix.SYS_FTRUNCATE: {kind: Setattr, operands: fd(0)},
	unix.SYS_FALLOCATE: {kind: Setattr, operands: fd(0)},

	unix.SYS_FLOCK: {kind: Lock, operands: fd(0)},
	unix.SYS_FCNTL: {kind: Lock, operands: fd(0)},

	unix.SYS_MMAP: {kind: Map, operands: fd(4)},
})

func withArch(m map[uint32]call) map[uint32]call {
	for nr, c := range archCalls {
		m[nr] = c
	}
	return m
}
