// Package githttp is the git view of a wiki: clone, pull and ls-remote by an
// ordinary git client from /repo.git on the wiki's host (gitprotocol-http(5),
// the smart protocol, versions 0, 1 and 2), whole, shallow or partial.
//
// It owns the protocol and nothing else: histories, the objects that a client
// lacks and their bytes come from the git store, the head from the wiki's record,
// and who may read from the gate. It never writes: a push is refused with words
// that git shows, naming the doors that take edits (receive.go).
//
// # Life of a fetch
//
//  1. GET info/refs (advertise.go): the gate opens the wiki; the record's head, or
//     in version 2 the commands, are advertised. Nothing is read from git.
//  2. POST git-upload-pack (exchange.go): the body is read to its end and checked,
//     whatever it asks for. Versions 0 and 1 have one kind of request (v0.go),
//     version 2 has commands (command.go): ls-refs, fetch, object-info, bundle-uri.
//  3. What the client wants must be reachable from the head. What it has is
//     compared with the head's history, in as many rounds as the client needs
//     (negotiate.go for versions 0 and 1, fetch.go for 2).
//  4. The store selects the objects that are missing, within the edge of a shallow
//     clone and past the filter of a partial one, and copies them, compressed as
//     they lie on disk, into one pack, which is sent in side-band packets.
//
// Every request brings its own credentials and the whole state of the
// conversation, so that any instance may answer it.
//
// The bulk of a wiki is also there as a bundle (bundle.go): a file that a shared
// cache may keep, as long as it asks each time whether the wiki is still public.
//
// # What clients are told
//
// A request that no git client makes is answered with a status: 400, or 413 if it
// is without measure. One that a person can cause a client to make, and that is
// refused, is answered in the protocol, with an ERR packet, which git prints.
// Where version 2's documentation and git's own server disagree (on the order of
// shallow-info and wanted-refs), the documentation and git's own client win.
//
// deepen-not takes the names of the one branch, as git's server does, and beyond
// that the full names of commits, which in a wiki is all there is to leave out.
// ofs-delta is taken for granted: there is no client left that does not know it.
package githttp
