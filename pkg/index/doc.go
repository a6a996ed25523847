// Package index keeps the derived index of each wiki: page table, links, history
// per page, changelog and full text, all of it recomputable from git.
//
// # One file describes one commit
//
// An index is one SQLite file that describes exactly one commit and all that can
// be reached from it. It exists in two forms:
//
//   - The published file, index-<commit>-<digest>.db beside the repository, never
//     changes. The wiki's record points to it, swapped by compare-and-swap.
//   - A working copy, private to a process, in a scratch folder. Before it
//     answers it catches up, commit by commit, with the head that the caller read
//     from the record. So every answer includes every acknowledged write, with
//     the same queries for old commits and new ones.
//
// Building from nothing is catching up from no commit. A published file that is
// missing, damaged (its name carries its digest), of another schema, wiki or
// history is rebuilt that way, and the log says so. So is a copy whose commit is
// no ancestor of the head.
//
// # Life of a question
//
// [Cache.At] takes the record. If the wiki's copy includes its head, that is
// all. If not, one caller catches up in one write transaction while the others
// wait for it; readers of the state before are not disturbed (WAL). A [View]'s
// method then runs its queries in one read transaction. Nothing on the way scans
// the repository or the whole history; lists continue by key, not by offset.
// Copies of the wikis asked least recently are dropped; a view that outlives its
// copy gets another.
//
// # Life of a publication
//
// [Cache.Publish] catches up, copies one whole state to a file in the scratch folder
// and that, in large pieces, to a temporary file beside the repository,
// flushes it, renames it to its digest's name, and swaps the record's pointer.
// Whoever loses the swap looks whether the winner's index will do. Files that
// nothing points to are deleted later than anybody could still want them.
//
// # What it holds
//
// Commits are numbered oldest first: parents before children, then by time, then
// by id. A new commit that would have come before old ones, had all been ordered
// at once, forces a rebuild, so that the numbers depend on the history alone. A
// commit touches a page if the page differs from that in all its parents. Pages
// keep their identity through renames (see lineages): a removed and an added page
// of one commit are one page renamed if their content is the same, or if our
// engine made the commit and there are no others, or if they share half of their
// lines. Which terms the full text is made of, see tokens.
//
// # What it never does
//
// It decides nothing about rights, writes nothing to a repository, and is never
// the only place where anything is kept.
package index
