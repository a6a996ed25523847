package ui

import (
	"net/http"
	"net/url"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/pagepath"
)

// perScreen is how many commits or hits one screen lists.
const perScreen = 50

// historyView is what history.html draws.
type historyView struct {
	shell
	Path    string
	Crumbs  []crumb
	Exists  bool
	Changes []index.Change
	Newest  bool   // Changes begins with the last one
	Older   string // the next screen; "" at the end
}

// history lists the changes of a page under all its names, also of one that was
// deleted.
func (u *UI) history(v *visit) error {
	path := pagepath.Clean(v.path)
	view, err := u.engine.Index(v.ctx(), v.in.Wiki)
	if err != nil {
		return err
	}
	before := v.r.URL.Query().Get("before")
	if before != "" {
		if before, err = view.Resolve(v.ctx(), before); err != nil {
			return err
		}
	}
	changes, err := view.History(v.ctx(), path, perScreen+1, before)
	if err != nil {
		return err
	}
	d := historyView{Path: path, Changes: changes, Newest: before == ""}
	if len(changes) > perScreen {
		d.Changes = changes[:perScreen]
		d.Older = screenURL("history", path) + "?" + url.Values{"before": {short(changes[perScreen-1].Commit)}}.Encode()
	}
	if p, err := u.engine.Read(v.ctx(), v.in.Wiki, path); err == nil {
		d.Exists, d.Path = true, p.Path
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	d.Crumbs = crumbs(d.Path)
	if d.shell, err = u.withTree(v, u.shellOf(v, "History of "+d.Path, d.Path, screenURL("history", d.Path)), d.Path); err != nil {
		return err
	}
	return u.render(v, http.StatusOK, "history", d)
}
