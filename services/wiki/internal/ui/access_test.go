package ui_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"wikibot.io/pkg/identity"
)

// TestWhoMayDoWhat walks every route for every role in a public, a private and
// a missing wiki.
func TestWhoMayDoWhat(t *testing.T) {
	s := newSite(t)
	rev := s.Now(t, s.open.ID).Head[:12]
	privateRev := s.Now(t, s.closed.ID).Head[:12]
	s.save(s.open, "Folder/Leaf", "", "leaf\n")
	s.save(s.closed, "Folder/Leaf", "", "leaf\n")
	routes := []struct {
		method, path string
		action       identity.Action
		ok           int
	}{
		{"GET", "/", identity.Read, 200},
		{"HEAD", "/", identity.Read, 200},
		{"GET", "/Meta/Page%20Template", identity.Read, 200},
		{"GET", "/Folder", identity.Read, 200},
		{"GET", "/Not%20there", identity.Read, 404},
		{"GET", "/-/edit/Home", identity.Write, 200},
		{"POST", "/-/edit/Home", identity.Write, 409}, // without a base: there is such a page
		{"GET", "/-/new", identity.Write, 200},
		{"POST", "/-/new", identity.Write, 422}, // without a name
		{"GET", "/-/rename/Home", identity.Write, 200},
		{"POST", "/-/rename/Home", identity.Write, 422}, // without a name
		{"GET", "/-/delete/Home", identity.Write, 200},
		{"POST", "/-/delete/Not%20there", identity.Write, 404},
		{"GET", "/-/history/Home", identity.Read, 200},
		{"GET", "/-/revision/REV/Home", identity.Read, 200},
		{"GET", "/-/diff/Home", identity.Read, 200},
		{"GET", "/-/commit/REV", identity.Read, 200},
		{"GET", "/-/index", identity.Read, 200},
		{"GET", "/-/index/Folder", identity.Read, 200},
		{"GET", "/-/changelog", identity.Read, 200},
		{"GET", "/-/search?q=wiki", identity.Read, 200},
		{"GET", "/-/source/Home", identity.Read, 200},
		{"GET", "/-/nonsense", identity.Read, 404},
		{"POST", "/-/history/Home", identity.Read, 405},
		{"POST", "/Home", identity.Read, 405},
		{"DELETE", "/Home", identity.Read, 405},
	}
	for as := range principals {
		for _, slug := range []string{"open", "closed", "missing"} {
			for _, r := range routes {
				path := strings.ReplaceAll(r.path, "REV", rev)
				if slug == "closed" {
					path = strings.ReplaceAll(r.path, "REV", privateRev)
				}
				got := s.do(as, r.method, slug, path, url.Values{"content": {"mine"}})
				want := r.ok
				if r.ok != http.StatusMethodNotAllowed {
					want = expected(as, slug, r.method, r.action, r.ok)
				}
				if got.Code != want {
					t.Errorf("%s %s of the %s wiki as %s: status %d, want %d", r.method, r.path, slug, as, got.Code, want)
				}
				if want == http.StatusSeeOther && !strings.HasPrefix(got.Header().Get("Location"), "http://wikibot.localhost/auth/login?return_to=http%3A%2F%2F"+slug+".wikibot.localhost%2F") {
					t.Errorf("%s %s as %s leads to %q, want sign-in", r.method, r.path, as, got.Header().Get("Location"))
				}
				if cc := got.Header().Get("Cache-Control"); strings.Contains(cc, "public") && (slug != "open" || as != "anonymous") {
					t.Errorf("%s %s of the %s wiki as %s may enter a shared cache: %q", r.method, r.path, slug, as, cc)
				}
			}
		}
	}
}

// expected is the rule in words: who may not even read learns nothing, who may
// read learns that they may not write.
func expected(as, slug, method string, a identity.Action, ok int) int {
	role := map[string]int{"viewer": 1, "editor": 2, "owner": 3}[as]
	if slug == "missing" {
		role = 0
	}
	need := map[identity.Action]int{identity.Read: 1, identity.Write: 2}[a]
	switch {
	case role >= need, slug == "open" && a == identity.Read:
		return ok
	case as == "anonymous" && method == "POST":
		return http.StatusUnauthorized
	case as == "anonymous":
		return http.StatusSeeOther
	case slug == "open", role > 0:
		return http.StatusForbidden
	}
	return http.StatusNotFound
}

// A stranger must not find out which private wikis there are.
func TestPrivateWikiLooksLikeNone(t *testing.T) {
	s := newSite(t)
	id := regexp.MustCompile(`Request <code>[^<]*`)
	for _, as := range []string{"anonymous", "stranger", "foreign token"} {
		for _, path := range []string{"/", "/Home", "/-/changelog", "/-/edit/Home", "/-/revision/abcdef0/Home", "/nothing", "/-/search?q=x"} {
			for _, accept := range []string{"text/html", "application/json", "*/*"} {
				there := s.get(as, "closed", path, "Accept", accept)
				none := s.get(as, "missing", path, "Accept", accept)
				clean := func(a answer) string {
					body := id.ReplaceAllString(a.Body.String(), "")
					body = regexp.MustCompile(`"instance":"[^"]*"`).ReplaceAllString(body, "")
					return strings.NewReplacer("closed", "SLUG", "missing", "SLUG").Replace(body + a.Header().Get("Location"))
				}
				if there.Code != none.Code || clean(there) != clean(none) {
					t.Errorf("%s as %s with %s: a private wiki answers %d\n%s\na missing one %d\n%s", path, as, accept, there.Code, clean(there), none.Code, clean(none))
				}
			}
		}
	}
}

// A page of another wiki is same-site with this one, so its forms carry the cookie.
func TestForeignFormIsRefused(t *testing.T) {
	s := newSite(t)
	head := s.Now(t, s.open.ID).Head
	for _, header := range [][]string{
		{"Origin", "http://evil.wikibot.localhost"},
		{"Origin", "null"},
		{"Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "cross-site"},
	} {
		s.do("owner", "POST", "open", "/-/delete/Home", url.Values{}, header...).want(http.StatusForbidden)
		s.do("owner", "POST", "open", "/-/edit/Home", url.Values{"content": {"x"}, "base": {head}}, header...).want(http.StatusForbidden)
	}
	if now := s.Now(t, s.open.ID).Head; now != head {
		t.Errorf("the head moved from %s to %s", head, now)
	}
}

func TestAPIClientIsNotSentToSignIn(t *testing.T) {
	s := newSite(t)
	a := s.get("anonymous", "closed", "/Home", "Accept", "application/json").want(http.StatusUnauthorized)
	if got := a.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q, want a problem", got)
	}
	if got := a.Header().Get("WWW-Authenticate"); got == "" {
		t.Error("a 401 must name a challenge (RFC 9110 section 15.5.2)")
	}
}
