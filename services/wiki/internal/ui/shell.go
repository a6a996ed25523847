package ui

import (
	"net/url"

	"wikibot.io/pkg/identity"
)

// shell is what the layout draws around every page. Each page's data embeds it.
type shell struct {
	Title    string // of the page; the window shows the wiki's name after it
	WikiName string // "" where nobody may know which wiki this is
	Assets   *assets

	User   string // who is signed in, "" for the anonymous
	App    string // the management app, where wikis, tokens and sign-out are
	Agents string // its screen that connects an agent, for the owner
	SignIn string // "" for the signed in
	Writer bool
	Public bool
	Clone  string // the command that clones the wiki; "" while git access is off

	Here  string // the header's link to the present screen: "changelog", "index" or "new"
	Edit  string // the page's editor; "" for none
	New   string // the form for a new page
	Query string // what the search field holds

	Tree []branch
	Full bool // no tree: the page takes the whole width

	Index       bool // robots may list the page
	Canonical   string
	Source      string // the page as Markdown
	Description string
}

// shellOf fills what follows from the visit alone. path is the page or folder
// that the screen is about, "" for none; back is where sign-in leads back to.
func (u *UI) shellOf(v *visit, title, path, back string) shell {
	s := shell{
		Title:    title,
		WikiName: v.in.Wiki.Name,
		Assets:   u.assets,
		App:      u.hosts.Root("/app/"),
		New:      screenURL("new", ""),
		Public:   v.in.Wiki.Public,
	}
	if !v.in.Wiki.GitOff {
		s.Clone = "git clone " + u.hosts.Wiki(v.in.Wiki.Slug, "/repo.git") + " " + v.in.Wiki.Slug
	}
	if p := v.in.Principal; p.Kind == identity.Anonymous {
		s.SignIn = u.signIn(v.in.Wiki.Slug, back)
	} else {
		s.User = nameOf(p)
		s.Writer = v.mayWrite()
		if v.in.May(identity.Admin) {
			s.Agents = u.hosts.Root("/app/" + v.in.Wiki.Slug + "/connect")
		}
	}
	if folder := parent(path); folder != "" {
		s.New += "?" + url.Values{"path": {folder + "/"}}.Encode()
	}
	return s
}

// withTree adds the page tree, opened at the path.
func (u *UI) withTree(v *visit, s shell, path string) (shell, error) {
	tree, err := u.tree(v.ctx(), v.in.Wiki, path)
	s.Tree = tree
	return s, err
}

// signIn is the door of the root host that leads back to a path of this wiki.
func (u *UI) signIn(slug, back string) string {
	return u.hosts.Root("/auth/login?" + url.Values{"return_to": {u.hosts.Wiki(slug, back)}}.Encode())
}

func nameOf(p identity.Principal) string {
	switch {
	case p.DisplayName != "":
		return p.DisplayName
	case p.Username != "":
		return p.Username
	}
	return "Account"
}
