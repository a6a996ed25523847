package ui

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"wikibot.io/pkg/index"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/wiki"
)

// searchView is what search.html draws.
type searchView struct {
	shell
	Hits   []index.Hit
	Total  int
	First  int // number of the first hit shown, from 1
	Last   int
	Prev   string
	Next   string
	Exact  string // the page that bears the query as its name
	Create string // the form that creates it, for those who may
}

const (
	hitsPerScreen = 20
	maxQuery      = 500  // bytes; what is longer is cut
	maxOffset     = 2000 // hits; nobody reads on, only robots do
)

// search lists the pages that hold the words of "q".
func (u *UI) search(v *visit) error {
	q := v.r.URL.Query()
	query := strings.TrimSpace(strings.ToValidUTF8(q.Get("q"), ""))
	query = strings.ToValidUTF8(query[:min(len(query), maxQuery)], "")
	offset, err := strconv.Atoi(q.Get("from"))
	if err != nil || offset < 0 || offset > maxOffset {
		offset = 0
	}
	title := "Search"
	if query != "" {
		title = "Search: " + query
	}
	d := searchView{}
	if d.shell, err = u.withTree(v, u.shellOf(v, title, "", searchURL(query, 0)), ""); err != nil {
		return err
	}
	d.Query = query
	if query == "" {
		return u.render(v, http.StatusOK, "search", d)
	}
	view, err := u.engine.Index(v.ctx(), v.in.Wiki)
	if err != nil {
		return err
	}
	if d.Hits, d.Total, err = view.Search(v.ctx(), query, hitsPerScreen, offset); err != nil {
		return err
	}
	d.First, d.Last = offset+1, offset+len(d.Hits)
	if offset > 0 {
		d.Prev = searchURL(query, max(0, offset-hitsPerScreen))
	}
	if d.Last < d.Total && d.Last <= maxOffset {
		d.Next = searchURL(query, d.Last)
	}
	if err := u.byName(v, &d, pagepath.Clean(query)); err != nil {
		return err
	}
	return u.render(v, http.StatusOK, "search", d)
}

// byName offers the page that is called what was searched for, or to create it.
func (u *UI) byName(v *visit, d *searchView, path string) error {
	if pagepath.Check(path) != nil {
		return nil
	}
	kind, err := u.engine.Exists(v.ctx(), v.in.Wiki, path)
	if err != nil {
		return err
	}
	switch {
	case kind == wiki.PageKind:
		p, err := u.engine.Read(v.ctx(), v.in.Wiki, path)
		if err != nil {
			return err
		}
		d.Exact = p.Path
	case d.Writer && kind == wiki.None:
		d.Create = newURL(path)
	}
	return nil
}

func searchURL(query string, from int) string {
	q := url.Values{}
	if query != "" {
		q.Set("q", query)
	}
	if from > 0 {
		q.Set("from", strconv.Itoa(from))
	}
	if len(q) == 0 {
		return screenURL("search", "")
	}
	return screenURL("search", "") + "?" + q.Encode()
}
