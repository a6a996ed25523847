package ui_test

import (
	"net/url"
	"strings"
	"testing"

	"wikibot.io/pkg/wiki"
	"wikibot.io/pkg/wiki/wikitest"
)

func TestWriteAPage(t *testing.T) {
	s := newSite(t)
	form := s.get("editor", "closed", "/-/new?path=Guides/First+steps").want(200)
	if got := form.field("content"); got != "# First steps\n\n" {
		t.Errorf("a new page starts as %q", got)
	}
	s.post("editor", "closed", "/-/new", url.Values{"path": {"Guides/First steps"}, "content": {"# First steps\r\n\r\nGo [[Home]].\r\n"}, "message": {"Begin"}}).
		want(303).leads("/Guides/First%20steps")
	if got := s.text(s.closed, "Guides/First steps"); got != "# First steps\n\nGo [[Home]].\n" {
		t.Errorf("stored %q", got)
	}
	s.get("editor", "closed", "/Guides/First%20steps").want(200).says("First steps", "Edi", "created")
	s.get("editor", "closed", "/").want(200).says("Linked from")

	form = s.get("editor", "closed", "/-/edit/guides/first%20STEPS").want(200)
	base, text := form.field("base"), form.field("content")
	s.post("editor", "closed", "/-/edit/Guides/First%20steps", url.Values{"content": {strings.ReplaceAll(text, "\n", "\r\n")}, "base": {base}}).
		want(303).leads("/Guides/First%20steps")
	if now := s.Now(t, s.closed.ID).Head; now != base {
		t.Errorf("saving the text as it was made a commit")
	}
}

func TestEditOfMissingPageCreatesIt(t *testing.T) {
	s := newSite(t)
	s.get("owner", "open", "/-/edit/Not%20there/yet").want(303).leads("/-/new?path=Not+there%2Fyet")
	a := s.get("owner", "open", "/Not%20there/yet").want(404).says("no page of this name", "Create this page")
	if len(a.all("a", "href", "/-/new?path=Not+there%2Fyet")) != 1 {
		t.Error("no link to create the page")
	}
	if a := s.get("anonymous", "open", "/Not%20there").want(404); strings.Contains(a.text(), "Create this page") {
		t.Error("a reader is asked to create a page")
	}
	if a := s.get("owner", "open", "/con").want(404); strings.Contains(a.text(), "Create this page") {
		t.Error("a page that cannot be is offered")
	}
}

func TestDisjointEditsAreMerged(t *testing.T) {
	s := newSite(t)
	base := s.save(s.open, "Shared", "", "one\ntwo\nthree\nfour\nfive\n")
	s.save(s.open, "Shared", base, "ONE\ntwo\nthree\nfour\nfive\n")
	to := s.post("editor", "open", "/-/edit/Shared", url.Values{"content": {"one\r\ntwo\r\nthree\r\nfour\r\nFIVE\r\n"}, "base": {base}}).want(303).Header().Get("Location")
	if !strings.HasPrefix(to, "/Shared?merged=") {
		t.Errorf("leads to %q", to)
	}
	s.get("editor", "open", to).want(200).says("Saved and merged", "ONE", "FIVE")
	if got := s.text(s.open, "Shared"); got != "ONE\ntwo\nthree\nfour\nFIVE\n" {
		t.Errorf("stored %q", got)
	}
}

// Nothing of either writer's text may be lost on the way through a conflict.
func TestConflictIsSettledByHand(t *testing.T) {
	s := newSite(t)
	base := s.save(s.open, "Shared", "", "head\n\nmiddle\n\ntail\n")
	theirs := s.save(s.open, "Shared", base, "head by them\n\nmiddle by them\n\ntail\n")
	a := s.post("editor", "open", "/-/edit/Shared", url.Values{"content": {"head\n\nmiddle by me\n\ntail by me\n"}, "base": {base}, "message": {"why I did"}}).want(409)
	a.says("Nothing was saved yet", "nothing is lost", "1 place needs you", "What differs", "Your text, as you sent it", "The page as it is now", "The page as it was when you began")
	text := a.field("content")
	const want = "head by them\n\n<<<<<<< your text\nmiddle by me\n=======\nmiddle by them\n>>>>>>> the page as it is now\n\ntail by me\n"
	if text != want {
		t.Errorf("the editor holds\n%s\nwant\n%s", text, want)
	}
	if a.field("base") != theirs || a.field("message") != "why I did" {
		t.Errorf("base %q, message %q", a.field("base"), a.field("message"))
	}

	// Saved as it stands: the marks are seen, nothing is stored.
	again := s.post("editor", "open", "/-/edit/Shared", url.Values{"content": {text}, "base": {theirs}, "settled": {a.field("settled")}}).want(422)
	again.says("Line 3 still marks a place")
	if again.field("content") != text {
		t.Error("the text was lost on the second attempt")
	}
	settled := "head by them\n\nmiddle by both\n\ntail by me\n"
	s.post("editor", "open", "/-/edit/Shared", url.Values{"content": {settled}, "base": {again.field("base")}, "settled": {again.field("settled")}}).want(303).leads("/Shared")
	if got := s.text(s.open, "Shared"); got != settled {
		t.Errorf("stored %q", got)
	}
}

// TestRefusedSaveKeepsTheText: whatever is wrong, what was typed comes back.
func TestRefusedSaveKeepsTheText(t *testing.T) {
	s := newSite(t)
	head := s.Now(t, s.open.ID).Head
	large := strings.Repeat("0123456789abcde\n", wiki.MaxPage/16+1)
	deleted := s.save(s.open, "Deleted", "", "x\n")
	w := s.Now(t, s.open.ID)
	_, err := s.Engine.Delete(t.Context(), w, wiki.Delete{Path: "Deleted", Author: wikitest.Ada})
	s.must(err)
	for _, c := range []struct {
		why, as, slug, path string
		form                url.Values
		status              int
		says                string
	}{
		{"the name is taken", "owner", "open", "/-/new", url.Values{"path": {"hOME"}, "content": {"mine"}}, 409, "There is a page of this name already"},
		{"the page is too large", "owner", "open", "/-/edit/Home", url.Values{"content": {large}, "base": {head}}, 413, "larger than a page may be"},
		{"the text is not valid UTF-8", "owner", "open", "/-/edit/Home", url.Values{"content": {"mine \xff\xfe"}, "base": {head}}, 422, "UTF-8"},
		{"the page was deleted meanwhile", "owner", "open", "/-/edit/Deleted", url.Values{"content": {"mine"}, "base": {deleted}}, 404, "renamed or deleted while you wrote"},
		{"signed out meanwhile", "anonymous", "open", "/-/edit/Home", url.Values{"content": {"mine"}, "base": {head}}, 401, "You are signed out"},
		{"signed out of a private wiki", "anonymous", "closed", "/-/edit/Home", url.Values{"content": {"mine"}, "base": {head}}, 401, "You are signed out"},
		{"the role was taken away", "viewer", "open", "/-/edit/Home", url.Values{"content": {"mine"}, "base": {head}}, 403, "You may no longer write"},
		{"a new page, signed out meanwhile", "anonymous", "open", "/-/new", url.Values{"path": {"New"}, "content": {"mine"}}, 401, "You are signed out"},
	} {
		t.Run(c.why, func(t *testing.T) {
			a := s.post(c.as, c.slug, c.path, c.form).want(c.status).says(c.says)
			want := strings.TrimSpace(strings.ToValidUTF8(c.form.Get("content"), "\uFFFD"))
			if got := strings.TrimSpace(a.field("content")); got != want {
				t.Errorf("%d bytes came back of %d", len(got), len(want))
			}
			inert(t, c.path, a)
		})
	}
	s.post("owner", "open", "/-/edit/Home", url.Values{"content": {strings.Repeat("x", 8<<20)}}).want(413)
}

// An import from Windows keeps its line ends, or every line would count as changed.
func TestLineEndsStay(t *testing.T) {
	s := newSite(t)
	s.plant(s.open, map[string]string{"Windows.md": "one\r\ntwo\r\nthree\r\n", "No end.md": "one\ntwo"})
	form := s.get("owner", "open", "/-/edit/Windows").want(200)
	s.post("owner", "open", "/-/edit/Windows", url.Values{"content": {"one\r\nTWO\r\nthree\r\n"}, "base": {form.field("base")}}).want(303)
	if got := s.text(s.open, "Windows"); got != "one\r\nTWO\r\nthree\r\n" {
		t.Errorf("stored %q", got)
	}
	form = s.get("owner", "open", "/-/edit/No%20end").want(200)
	head := s.Now(t, s.open.ID).Head
	s.post("owner", "open", "/-/edit/No%20end", url.Values{"content": {"one\r\ntwo"}, "base": {form.field("base")}}).want(303)
	if now := s.Now(t, s.open.ID).Head; now != head {
		t.Error("saving the text as it was made a commit")
	}
}

func TestRenameKeepsLinks(t *testing.T) {
	s := newSite(t)
	s.save(s.open, "Old", "", "# Old\n")
	s.save(s.open, "Linker", "", "[[Old]] and [old](/Old)\n")
	s.get("owner", "open", "/-/rename/Old").want(200).says("The links on 1 page that lead here are rewritten")
	a := s.post("owner", "open", "/-/rename/Old", url.Values{"to": {"Home"}}).want(409).says("something of this name already")
	if a.field("to") != "Home" {
		t.Error("the new name was lost")
	}
	s.post("owner", "open", "/-/rename/Old", url.Values{"to": {"Folder/New"}}).want(303).leads("/Folder/New")
	if got := s.text(s.open, "Linker"); strings.Contains(got, "Old]]") || !strings.Contains(got, "Folder/New") {
		t.Errorf("the linking page says %q", got)
	}
	s.get("owner", "open", "/-/history/Folder/New").want(200).says("renamed from Old")
	s.get("owner", "open", "/Old").want(302).leads("/Folder/New")
	s.post("owner", "open", "/-/new", url.Values{"path": {"Old"}, "content": {"another one"}}).want(303).leads("/Old")
	s.get("owner", "open", "/Old").want(200).says("another one")
}

func TestDeleteKeepsHistory(t *testing.T) {
	s := newSite(t)
	s.save(s.open, "Gone soon", "", "# Gone soon\n")
	s.save(s.open, "Linker", "", "[[Gone soon]]\n")
	s.get("owner", "open", "/-/delete/Gone%20soon").want(200).says("Delete Gone soon?", "1 page links here")
	to := s.post("owner", "open", "/-/delete/Gone%20soon", nil).want(303).Header().Get("Location")
	s.get("owner", "open", to).want(200).says("deleted", "# Gone soon")
	s.get("owner", "open", "/Gone%20soon").want(404)
	s.get("owner", "open", "/-/history/Gone%20soon").want(200).says("Every version is still here")
	s.get("owner", "open", "/Linker").want(200)
}
