// Package tier is the one place for what each plan allows. Plans differ in
// scale, never in features; a limit never blocks editing or deleting what
// exists.
package tier

import "wikibot.io/pkg/records"

// Limits of a plan. Zero means no limit.
type Limits struct {
	Wikis     int   // owned by one user
	Authors   int   // per wiki: the owner and the editors
	Pages     int64 // per wiki
	FileBytes int64 // attachments per wiki, in bytes
	FileSize  int64 // one attachment, in bytes
}

const mib = 1 << 20

// Of returns the limits of a plan. An unknown plan has those of the free one.
func Of(t records.Tier) Limits {
	if t == records.Premium {
		return Limits{Wikis: 12, Authors: 25, FileBytes: 1 << 30, FileSize: 25 * mib}
	}
	return Limits{Wikis: 1, Authors: 1, Pages: 500, FileBytes: 50 * mib, FileSize: 5 * mib}
}
