package ui_test

import (
	"strings"
	"testing"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/records"
)

// TestCloneIsOfferedWhileGitIsOn: where one looks at the whole wiki, to whoever
// may read it, and not from a page that was finished before the switch turned.
func TestCloneIsOfferedWhileGitIsOn(t *testing.T) {
	s := newSite(t)
	s.save(s.open, "Folder/Leaf", "", "leaf\n")
	turn := func(w records.Wiki, off bool) {
		_, err := s.Records.UpdateWiki(t.Context(), w.ID, records.WikiChange{GitOff: &off}, &events.Actor{})
		s.must(err)
	}
	whole := []string{"/-/changelog", "/-/index"}
	for _, path := range whole {
		a := s.get("anonymous", "open", path).want(200).says("git clone http://open.wikibot.localhost/repo.git open")
		if strings.Contains(a.text(), "password") {
			t.Errorf("%s of a public wiki asks for a password", path)
		}
		s.get("viewer", "closed", path).want(200).says("git clone http://closed.wikibot.localhost/repo.git closed", "The password is a token")
	}
	silent := func(why, as, path string) {
		t.Helper()
		if body := s.get(as, "open", path).want(200).Body.String(); strings.Contains(body, "repo.git") || strings.Contains(body, "Clone") {
			t.Errorf("%s: %s offers to clone", why, path)
		}
	}
	silent("only a part of the wiki", "anonymous", "/-/index/Folder")
	silent("a page is for reading", "anonymous", "/Folder/Leaf")
	turn(s.open, true)
	for _, path := range whole {
		silent("git is off", "anonymous", path)
		silent("git is off", "owner", path)
	}
	turn(s.open, false)
	for _, path := range whole {
		s.get("anonymous", "open", path).want(200).says("git clone")
	}
}
