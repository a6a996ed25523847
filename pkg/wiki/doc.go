// Package wiki is the engine: it reads, saves, merges, renames, deletes and
// lists pages, and is the only write path to a wiki's repository, whatever the
// door a request came through.
//
// It checks no rights: a door has let the request in ([identity.Gate]) and hands
// the engine the wiki's record that it read. It stores nothing of its own:
// objects are gitstore's, the head is the record's, answers about many pages
// are the index's.
package wiki
