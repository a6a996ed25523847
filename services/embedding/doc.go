// Package embedding keeps each wiki's published index close to its head.
//
// It owns nothing that could be lost: an index is computed from git by package
// index, and whoever reads one catches up with the head by itself. Publishing
// only spares every process, and every cold start, the way from nothing.
//
// # Life of an event
//
// A page event, or the creation of a wiki that was born with a history, asks for
// one thing: the published index shall be that of the head. The service reads
// the head from the record, not from the event, so deliveries may come twice, in
// any order and long after: the first of a burst brings everything, and the
// others find nothing to do. A delivery is done when the index file is on stable
// storage and the record points to it; any error means "deliver again". When a
// wiki is deleted its working copy is dropped.
//
// # What it never does
//
// It answers no requests, reads no page for anyone, and deletes no wiki's files
// other than index files that nothing points to any more.
package embedding
