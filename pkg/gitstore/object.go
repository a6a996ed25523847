package gitstore

import (
	"errors"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// OID names an object: the SHA-1 of its type, size and content.
type OID = plumbing.Hash

// Signature is who and when.
type Signature struct {
	Name, Email string
	When        time.Time
}

// Commit is a decoded commit. Treat as read-only. Text that is not UTF-8 is
// taken for Latin-1.
type Commit struct {
	ID                OID
	Tree              OID
	Parents           []OID
	Author, Committer Signature
	Message           string
}

// Entry is one entry of a tree.
type Entry struct {
	Name string
	Mode filemode.FileMode
	ID   OID
}

// Limits of what is read, here and in imports. They bound what damaged or
// hostile bytes can make the process allocate.
const (
	maxObjectBytes = 128 << 20 // inflated; attachments are at most 25 MB
	maxDeltaDepth  = 4096      // git itself makes chains of 50, at most 4,095
)

var (
	errDamaged  = errors.New("damaged object")
	errTooLarge = errors.New("object is larger than 128 MiB")
	errMissing  = errors.New("no such object")
)

// raw is an object as it is hashed, without its header.
type raw struct {
	kind plumbing.ObjectType
	data []byte
}

func (o raw) id() OID { return plumbing.ComputeHash(o.kind, o.data) }
