// Package embedding keeps what is derived of each wiki: its published index close
// to the head, and its packs few.
//
// It owns nothing that could be lost. An index is computed from git by package
// index, and whoever reads one catches up with the head by itself; publishing
// only spares every process, and every cold start, the way from nothing. Packs hold
// the same objects in whatever number they are; package upkeep folds them, so that a
// clone is a copy and a cold read opens few files.
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
// A page event also asks for the packs to be tended, by a subscription of its own:
// folding a large wiki takes minutes, for which no index should have to wait. Of 32
// such events 31 find nothing to do.
//
// # Life of a round
//
// An operator who cannot reach the files has the service go through all wikis:
// "maintain" folds and removes what there is, "fsck" reads everything and changes
// nothing. What was found of each wiki is in the log. A function's time may not be
// enough for all of them, so a call stops in time and says after which wiki the next
// has to begin. Calls may overlap with each other, with events and with visitors.
//
// # What it never does
//
// It answers no visitor, reads no page for anyone, and deletes no wiki's files
// other than index files that nothing points to any more and packs whose objects
// are in others.
package embedding
