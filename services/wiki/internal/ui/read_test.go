package ui_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"wikibot.io/pkg/wiki"
	"wikibot.io/pkg/wiki/wikitest"
)

func TestOneAddressPerPage(t *testing.T) {
	s := newSite(t)
	s.save(s.open, "Guides/First steps", "", "x\n")
	s.save(s.open, "Page/edit", "", "a page that is called like a verb\n")
	s.plant(s.open, map[string]string{"Ü & <x>?#%.md": "an imported name\n"})
	for from, to := range map[string]string{
		"/guides/FIRST%20steps":            "/Guides/First%20steps",
		"/Guides/First%20steps/":           "/Guides/First%20steps",
		"/Guides/First%20steps.md":         "/Guides/First%20steps",
		"//Guides//First%20steps":          "/Guides/First%20steps",
		"/Home":                            "/",
		"/home":                            "/",
		"/guides/FIRST%20steps?x=1":        "/Guides/First%20steps?x=1",
		"/Guides/First%20steps/edit":       "/-/edit/Guides/First%20steps",
		"/Guides/First%20steps/view":       "/Guides/First%20steps",
		"/Home/history":                    "/-/history/Home",
		"/Home/source":                     "/-/source/Home",
		"/Home/rename":                     "/-/rename/Home",
		"/Home/delete":                     "/-/delete/Home",
		"/-/log":                           "/-/changelog",
		"/%C3%BC%20%26%20%3Cx%3E%3F%23%25": "/%C3%9C%20&%20%3Cx%3E%3F%23%25",
	} {
		s.get("owner", "open", from).want(http.StatusMovedPermanently).leads(to)
	}
	s.get("owner", "open", "/Page/edit").want(200).says("called like a verb")
	s.get("owner", "open", "/%C3%9C%20&%20%3Cx%3E%3F%23%25").want(200)
	s.get("owner", "open", "/Guides").want(200).says("1 page in this folder", "First steps")
	s.get("owner", "open", "/guides").want(301).leads("/Guides")
	s.get("owner", "open", "/-/assets/none.css").want(404)
	s.get("owner", "nohost.x", "/").want(404)
}

func TestCachedPageIsNeverStaleNorForeign(t *testing.T) {
	s := newSite(t)
	base := s.save(s.open, "Page", "", "# Page\n\nfirst text, [[Other]]\n")
	first := s.get("anonymous", "open", "/Page").want(200).says("first text", "Sign in")
	if got := first.Header().Get("Cache-Control"); got != "public, max-age=0, must-revalidate" {
		t.Errorf("a public page: %q", got)
	}
	etag := first.Header().Get("Etag")
	s.get("anonymous", "open", "/Page", "If-None-Match", etag).want(http.StatusNotModified)
	if s.get("anonymous", "open", "/Page").want(200).Body.String() != first.Body.String() {
		t.Error("the cached page differs from the first")
	}

	owner := s.get("owner", "open", "/Page", "If-None-Match", etag).want(200).says("Ada", "Edit")
	if got := owner.Header().Get("Cache-Control"); got != "private, no-cache" {
		t.Errorf("the owner's view: %q", got)
	}
	if got := owner.Header().Get("Vary"); !strings.Contains(got, "Cookie") || !strings.Contains(got, "Authorization") {
		t.Errorf("Vary is %q", got)
	}
	if a := s.get("viewer", "open", "/Page").want(200); strings.Contains(a.text(), "Edit") || !strings.Contains(a.text(), "Vic") {
		t.Error("the viewer got the owner's page")
	}

	// A link comes alive when its page is created elsewhere, without a change here.
	if len(first.all("a", "class", "missing")) != 1 {
		t.Error("a link to nothing is not marked")
	}
	s.save(s.open, "Other", "", "back to [[Page]]\n")
	alive := s.get("anonymous", "open", "/Page", "If-None-Match", etag).want(200).says("Linked from 1 page")
	if len(alive.all("a", "class", "missing")) != 0 {
		t.Error("the link still leads nowhere")
	}
	s.save(s.open, "Page", base, "# Page\n\nsecond text\n")
	s.get("anonymous", "open", "/Page").want(200).says("second text")

	name := "Another name"
	s.rename(s.open, name)
	s.get("anonymous", "open", "/Page").want(200).says(name)
}

func TestGzip(t *testing.T) {
	s := newSite(t)
	plain := s.get("anonymous", "open", "/")
	for range 2 {
		zipped := s.get("anonymous", "open", "/", "Accept-Encoding", "br, gzip;q=0.8").want(200)
		r, err := gzip.NewReader(bytes.NewReader(zipped.Body.Bytes()))
		s.must(err)
		got, err := io.ReadAll(r)
		s.must(err)
		if string(got) != plain.Body.String() || zipped.Header().Get("Etag") != plain.Header().Get("Etag") {
			t.Error("the compressed page is not the plain one")
		}
	}
	if got := s.get("anonymous", "open", "/", "Accept-Encoding", "gzip;q=0").Header().Get("Content-Encoding"); got != "" {
		t.Errorf("gzip was refused, and came as %q", got)
	}
}

func TestAssetsAreSmallAndKept(t *testing.T) {
	s := newSite(t)
	page := s.get("anonymous", "open", "/")
	total := 0
	for _, n := range append(page.all("link", "rel", "stylesheet"), page.all("script", "", "")...) {
		path := attr(n, "href") + attr(n, "src")
		a := s.get("anonymous", "open", path).want(200)
		total += a.Body.Len()
		if got := a.Header().Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %q", path, got)
		}
		if got := s.get("anonymous", "open", path, "Accept-Encoding", "gzip").Header().Get("Content-Encoding"); got != "gzip" {
			t.Errorf("%s comes uncompressed", path)
		}
	}
	if total == 0 || total > 50_000 {
		t.Errorf("style sheet and script are %d bytes, want at most 50,000", total)
	}
}

func TestRobotsListPagesOnly(t *testing.T) {
	s := newSite(t)
	rev := s.open.Head[:12]
	robots := func(as, slug, path string) bool {
		a := s.get(as, slug, path)
		return a.Header().Get("X-Robots-Tag") == "" && len(a.all("meta", "name", "robots")) == 0
	}
	if !robots("anonymous", "open", "/") {
		t.Error("a public page is hidden from search engines")
	}
	for _, path := range []string{"/-/history/Home", "/-/revision/" + rev + "/Home", "/-/diff/Home", "/-/commit/" + rev, "/-/index", "/-/changelog", "/-/search", "/none"} {
		if robots("anonymous", "open", path) {
			t.Errorf("%s is offered to search engines", path)
		}
	}
	if robots("owner", "closed", "/") {
		t.Error("a private page is offered to search engines")
	}
}

// A page whose bytes are no text is shown as far as it can be read.
func TestInvalidUTF8InTheRepository(t *testing.T) {
	s := newSite(t)
	s.plant(s.open, map[string]string{"Latin.md": "# Latin\n\ncaf\xe9 and [[Home]]\n"})
	s.get("owner", "open", "/Latin").want(200).says("caf\uFFFD and", "not valid UTF-8")
	s.get("owner", "open", "/-/edit/Latin").want(200).says("not valid UTF-8")
	s.get("owner", "open", "/-/diff/Latin").want(200)
	s.get("owner", "open", "/-/history/Latin").want(200)
	s.get("owner", "open", "/-/search?q=Latin").want(200)
	if got := s.get("owner", "open", "/-/source/Latin").want(200).Body.String(); got != "# Latin\n\ncaf\xe9 and [[Home]]\n" {
		t.Errorf("the source is %q", got)
	}
}

// However many pages lie in a folder, the tree beside each page stays small.
func TestTreeStaysSmall(t *testing.T) {
	s := newSite(t)
	files := map[string]string{}
	for i := range 3000 {
		files[fmt.Sprintf("Big/Page %04d.md", i)] = "x\n"
	}
	s.plant(s.open, files)
	a := s.get("owner", "open", "/Big/Page%201500").want(200).says("1488 before", "1488 more", "Page 1500")
	if n := a.Body.Len(); n > 20_000 {
		t.Errorf("the page has %d bytes", n)
	}
	if here := a.all("a", "aria-current", "page"); len(here) != 1 || attr(here[0], "href") != "/Big/Page%201500" {
		t.Error("the tree does not show where one is")
	}
	s.get("owner", "open", "/Big").want(200).says("3,000 pages in this folder", "Page 2999")
	top := s.get("owner", "open", "/-/index").want(200).says("3,000 pages")
	if n := top.Body.Len(); n > 40_000 {
		t.Errorf("the index of the whole wiki has %d bytes", n)
	}
}

func TestHistoryDiffAndRevision(t *testing.T) {
	s := newSite(t)
	one := s.save(s.open, "Page", "", "# Page\n\nThe weather in spring is mild.\n")
	res, err := s.Engine.Save(t.Context(), s.Now(t, s.open.ID), wiki.Save{Path: "Page", Base: one, Content: []byte("# Page\n\nThe weather in autumn is mild.\n"), Message: "Change the season", Author: wikitest.Claude})
	s.must(err)
	two := res.Revision

	page := s.get("anonymous", "open", "/Page").want(200).says("Claude Code for Ada", "edited", "after Ada")
	if len(page.all("span", "class", "chip agent")) != 1 || len(page.all("span", "class", "chip human")) != 1 {
		t.Error("the two inks are not both there")
	}
	h := s.get("anonymous", "open", "/-/history/page").want(200).says("Change the season", "edited", "created", "Compare")
	if radios := h.all("input", "type", "radio"); len(radios) != 4 {
		t.Errorf("%d radio buttons, want 4", len(radios))
	}
	d := s.get("anonymous", "open", "/-/diff/Page?from="+one[:12]+"&to="+two[:12]).want(200).says("The weather in spring is mild.", "The weather in autumn is mild.")
	if marked := d.all("b", "", ""); len(marked) < 2 || marked[0].FirstChild.Data != "spring" || marked[1].FirstChild.Data != "autumn" {
		t.Error("the words that differ are not marked")
	}
	s.get("anonymous", "open", "/-/diff/Page?from="+two[:12]+"&to="+one[:12]).want(200)
	s.get("anonymous", "open", "/-/revision/"+one[:12]+"/Page").want(200).says("An old version", "spring", "The page as it is now")
	s.get("anonymous", "open", "/-/commit/"+two[:12]).want(200).says("Change the season", "Claude Code for Ada")
	s.get("anonymous", "open", "/-/changelog").want(200).says("Change the season", "Page")
	s.get("anonymous", "open", "/-/search?q=autumn").want(200).says("1 page", "autumn")
	s.get("owner", "open", "/-/search?q=Page").want(200).says("There is a page of this name")
	if got := s.get("anonymous", "open", "/-/source/Page").want(200); got.Body.String() != "# Page\n\nThe weather in autumn is mild.\n" || got.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("source: %q as %q", got.Body.String(), got.Header().Get("Content-Type"))
	}
}

func TestPaging(t *testing.T) {
	s := newSite(t)
	base := ""
	for i := range 60 {
		base = s.save(s.open, "Busy", base, fmt.Sprintf("edit %d\n", i))
	}
	for _, path := range []string{"/-/history/Busy", "/-/changelog"} {
		a := s.get("anonymous", "open", path).want(200)
		older := a.all("a", "rel", "next")
		if len(older) != 1 {
			t.Fatalf("%s: no link to older changes", path)
		}
		b := s.get("anonymous", "open", attr(older[0], "href")).want(200).says("Newest")
		if n := len(b.all("a", "class", "subject")); n < 10 || n > 12 {
			t.Errorf("%s: the second screen lists %d changes", path, n)
		}
	}
}

// A repository that came from elsewhere may have no Home.
func TestWikiWithoutHome(t *testing.T) {
	s := newSite(t)
	w := s.Now(t, s.open.ID)
	_, err := s.Engine.Delete(t.Context(), w, wiki.Delete{Path: "Home", Author: wikitest.Ada})
	s.must(err)
	s.get("anonymous", "open", "/").want(200).says("All pages")
	s.save(s.open, "README", "", "# Read me\n")
	s.get("anonymous", "open", "/").want(302).leads("/README")
}

// The text is in git, which can be read when there is no room for an index.
func TestPageWithoutIndex(t *testing.T) {
	s := newSite(t)
	s.save(s.open, "Guide", "", "the text\n")
	s.must(s.Index.Close())
	s.get("anonymous", "open", "/Guide").want(200).says("the text")
	s.get("editor", "open", "/-/edit/Guide").want(200)
	s.get("anonymous", "open", "/-/source/Guide").want(200)
	s.get("anonymous", "open", "/-/changelog").want(503)
}
