// Package gitstore keeps git objects: one bare repository per wiki, each commit
// one small flushed pack.
//
// It owns the bytes below <dir>/<wiki id>/repo.git and nothing else: it does not
// know what a page is, who may read one, or which commit is the head. The head
// is a record kept elsewhere; refs/heads/main on disk is only a mirror of it
// ([Repo.Mirror]), so that plain git can always open the folder.
//
// # Life of a write
//
// A [Batch] collects the blobs, trees ([Batch.Apply]) and the commit of one save
// in memory. [Batch.Flush] writes them as pack-<commit>.pack with its .idx: both
// under temporary names in objects/pack, flushed, then renamed, the index last,
// because a reader looks for the index first; then the folder is flushed. Only
// after that does the caller move the head. A crash in between leaves an unused
// pack or a temporary file, never a half-written object that something refers
// to. A process on another host that has learned the new head opens the pack by
// its name and does not depend on a cached folder listing.
//
// # Life of a pack
//
// [Repo.Fold] consolidates the packs of saves into bases: packs in which versions
// of a page are deltas, first all commits, then all trees, then all blobs. A file
// pack-<checksum>.keep beside a base says of which commit it is and on which base it
// builds; the bases of a wiki are a chain, listed in its record, each holding what
// its commit needs and those below lack. A fold merges what came since with the
// topmost bases as long as these are small beside it, so that the large ones are
// seldom written anew. Everything in a new base is rebuilt and hashed before the
// base gets its name; nothing is removed. [Repo.Prune] removes, later, what bases
// replaced and what saves left that never landed. An import is one base from the
// start. [Repo.Check] compares all of it with itself.
//
// # Life of a read
//
// Objects never change, so what has been decoded is kept in one process-wide
// cache, bounded in bytes. A miss is looked up in the table of all packs of the
// repository, which is loaded once, the bases first and of the others only those
// that no base replaces; if it is not there, the pack named after the
// object, then those of the commits before one that was found so, then a loose
// file, then a fresh listing of the folder are tried: names that follow from the
// head are there at once on every host, a listing may be a minute old. What
// is read from disk is verified against its id: damage is an error that names
// wiki and object, never a panic and never wrong content.
//
// # Life of an answer
//
// A client of git is given what is reachable from the head that the caller names,
// and nothing else that lies in the packs. [Repo.History] is that set: the bases
// whose tips lead to the head, and the few commits since, in memory; walking back
// further goes by git's own commit graph file. [History.Select] finds what a
// [Fetch] lacks and makes a plan of it: runs of bytes of packs, and the entries
// that have to be made anew because what they are deltas against is not sent.
// [Selection.WritePack] copies. Plans are kept, so that the same question is
// answered by copying alone.
//
// # What it never does
//
// It never changes a pack, never removes one of which it is not sure that it is
// needed no more, never follows symbolic links or submodules, never reads
// alternates, and runs no hook and no other program.
package gitstore
