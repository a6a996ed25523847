package ui

import (
	"net/http"
	"net/url"

	"wikibot.io/pkg/index"
)

// changelogView is what changelog.html draws.
type changelogView struct {
	shell
	Days   []daylog
	Total  int
	Newest bool
	Older  string // the next screen; "" at the end
}

// daylog holds the commits of one day (UTC), newest first.
type daylog struct {
	Day     string
	Entries []loggedEntry
}

// loggedEntry is a commit with as many of its pages as fit on a few lines.
type loggedEntry struct {
	index.Entry
	Shown []index.Affected
	More  int // pages and files that are not listed
}

const pagesOfEntry = 5

// changelog lists the commits of the whole wiki.
func (u *UI) changelog(v *visit) error {
	view, err := u.engine.Index(v.ctx(), v.in.Wiki)
	if err != nil {
		return err
	}
	before := v.r.URL.Query().Get("before")
	d := changelogView{Newest: before == ""}
	if before != "" {
		if before, err = view.Resolve(v.ctx(), before); err != nil {
			return err
		}
	}
	entries, total, err := view.Changelog(v.ctx(), perScreen+1, before)
	if err != nil {
		return err
	}
	if len(entries) > perScreen {
		entries = entries[:perScreen]
		d.Older = screenURL("changelog", "") + "?" + url.Values{"before": {short(entries[perScreen-1].Commit)}}.Encode()
	}
	d.Days, d.Total = byDay(entries), total
	if d.shell, err = u.withTree(v, u.shellOf(v, "Changes", "", screenURL("changelog", "")), ""); err != nil {
		return err
	}
	d.Here = "changelog"
	return u.render(v, http.StatusOK, "changelog", d)
}

func byDay(entries []index.Entry) []daylog {
	var days []daylog
	for _, e := range entries {
		name := day(e.When)
		if n := len(days); n == 0 || days[n-1].Day != name {
			days = append(days, daylog{Day: name})
		}
		shown := e.Pages[:min(len(e.Pages), pagesOfEntry)]
		last := &days[len(days)-1]
		last.Entries = append(last.Entries, loggedEntry{e, shown, len(e.Pages) - len(shown) + len(e.Files)})
	}
	return days
}
