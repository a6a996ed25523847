// Package githttp is the git view of a wiki: clone, pull and ls-remote by an
// ordinary git client from /repo.git on the wiki's host (gitprotocol-http(5),
// the smart protocol, versions 0 and 1; a client that offers version 2 is
// answered in version 0 and goes on with that).
//
// It owns the protocol and nothing else: objects come from the git store, the
// head from the wiki's record, and who may read from the gate. It never writes:
// a push is refused with words that git shows, naming the doors that take edits.
//
// # Life of a fetch
//
//  1. GET info/refs: the gate opens the wiki, the record's head is advertised as
//     HEAD and refs/heads/main. Nothing is read from git.
//  2. POST git-upload-pack: what the client wants must be in the history of the
//     head; what it has is compared with that history, in as many rounds as the
//     client needs (negotiate.go).
//  3. The store selects the objects that are missing and copies them, compressed
//     as they lie on disk, into one pack, which is sent in side-band packets.
//
// Every request brings its own credentials and the whole state of the
// conversation, so that any instance may answer it.
package githttp
