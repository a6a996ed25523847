package management_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// TestMatrix walks every route as every kind of visitor, over a public, a
// private, a missing and a deleted wiki. Answers are statuses.
func TestMatrix(t *testing.T) {
	f := newFleet(t)
	owner := f.user(t, "owner", records.Premium)
	editor, viewer, stranger := f.user(t, "editor", records.Free), f.user(t, "viewer", records.Free), f.user(t, "stranger", records.Free)
	n := 0
	// wiki makes one with all roles in it; destructive routes need a fresh one.
	wiki := func(kind string) (slug, token string) {
		n++
		slug = fmt.Sprintf("%s-%d", kind, n)
		if kind == "missing" {
			return slug, ""
		}
		w, token := f.wiki(t, owner, slug, kind == "public")
		for u, role := range map[string]records.Role{editor.ID: records.Editor, viewer.ID: records.Viewer} {
			if err := f.records.PutGrant(t.Context(), records.Grant{WikiID: w.ID, UserID: u, Role: role, GrantedBy: owner.ID}, 25, nil); err != nil {
				t.Fatal(err)
			}
		}
		if kind == "deleted" {
			if err := f.records.DeleteWiki(t.Context(), w.ID, nil); err != nil {
				t.Fatal(err)
			}
		}
		return slug, token
	}
	// done makes room for the next wiki within the owner's plan.
	done := func(slug string) {
		if id, err := f.records.WikiID(t.Context(), slug); err == nil {
			if err := f.records.DeleteWiki(t.Context(), id, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	visitors := []struct {
		name string
		as   func(token string) client
		any  bool // a visitor without a session: 401 everywhere
	}{
		{"anonymous", func(string) client { return f.anonymous() }, true},
		{"wiki token as bearer", func(token string) client { return f.anonymous().with("Authorization", "Bearer "+token) }, true},
		{"wiki token as password", func(token string) client { return f.anonymous().with("Authorization", "Basic "+token) }, true},
		{"wiki token as session cookie", func(token string) client { return f.anonymous().with("Cookie", identity.RootCookie+"="+token) }, true},
		{"owner's wiki cookie", func(string) client { return f.anonymous().with("Cookie", "wikibot="+f.session(t, owner).Wikis) }, true},
		{"owner's root session in the wiki cookie", func(string) client { return f.anonymous().with("Cookie", "wikibot="+f.session(t, owner).Root) }, true},
		{"owner's wiki session in the root cookie", func(string) client {
			return f.anonymous().with("Cookie", identity.RootCookie+"="+f.session(t, owner).Wikis)
		}, true},
		{"deleted user", func(string) client { return f.as(t, records.User{ID: "gone", Username: "gone"}) }, true},
		{"stranger", func(string) client { return f.as(t, stranger) }, false},
		{"viewer", func(string) client { return f.as(t, viewer) }, false},
		{"editor", func(string) client { return f.as(t, editor) }, false},
		{"owner", func(string) client { return f.as(t, owner) }, false},
	}
	routes := []struct {
		method, path, body string
		// statuses for stranger, viewer, editor, owner
		public, private, gone [4]int
	}{
		{"GET", "/api/me", "", [4]int{200, 200, 200, 200}, [4]int{200, 200, 200, 200}, [4]int{200, 200, 200, 200}},
		{"GET", "/api/wikis", "", [4]int{200, 200, 200, 200}, [4]int{200, 200, 200, 200}, [4]int{200, 200, 200, 200}},
		{"POST", "/api/wikis", `{"slug":"{slug}","name":"x"}`, [4]int{422, 422, 422, 409}, [4]int{422, 422, 422, 409}, [4]int{422, 422, 422, 0}},
		{"GET", "/api/names/{slug}", "", [4]int{200, 200, 200, 200}, [4]int{200, 200, 200, 200}, [4]int{200, 200, 200, 200}},
		{"GET", "/api/wikis/{slug}", "", [4]int{200, 200, 200, 200}, [4]int{404, 200, 200, 200}, [4]int{404, 404, 404, 404}},
		{"PATCH", "/api/wikis/{slug}", `{"name":"y"}`, [4]int{403, 403, 403, 200}, [4]int{404, 403, 403, 200}, [4]int{404, 404, 404, 404}},
		{"PATCH", "/api/wikis/{slug}", `{"git":false}`, [4]int{403, 403, 403, 200}, [4]int{404, 403, 403, 200}, [4]int{404, 404, 404, 404}},
		{"POST", "/api/wikis/{slug}/token", "", [4]int{403, 403, 403, 201}, [4]int{404, 403, 403, 201}, [4]int{404, 404, 404, 404}},
		{"DELETE", "/api/wikis/{slug}", `{"confirm":"{slug}"}`, [4]int{403, 403, 403, 204}, [4]int{404, 403, 403, 204}, [4]int{404, 404, 404, 404}},
		{"GET", "/api/nowhere", "", [4]int{404, 404, 404, 404}, [4]int{404, 404, 404, 404}, [4]int{404, 404, 404, 404}},
		{"PUT", "/api/wikis/{slug}", "{}", [4]int{405, 405, 405, 405}, [4]int{405, 405, 405, 405}, [4]int{405, 405, 405, 405}},
	}
	for _, kind := range []string{"public", "private", "missing", "deleted"} {
		for _, r := range routes {
			slug, token := wiki(kind)
			for i, v := range visitors {
				want := http.StatusUnauthorized
				if !v.any {
					want = map[string][4]int{"public": r.public, "private": r.private, "missing": r.gone, "deleted": r.gone}[kind][i-8]
				}
				if want == 0 { // the owner may create what is missing, but not what was deleted
					want = map[string]int{"missing": 201, "deleted": 409}[kind]
				}
				resp := v.as(token).do(t, r.method, strings.ReplaceAll(r.path, "{slug}", slug), strings.ReplaceAll(r.body, "{slug}", slug))
				if resp.Code != want {
					t.Errorf("%s %s of a %s wiki as %s: status %d, want %d: %s", r.method, r.path, kind, v.name, resp.Code, want, resp.Body)
				}
				if resp.Code == http.StatusOK && v.name != "owner" && strings.Contains(resp.Body.String(), `"tokens":[{`) {
					t.Errorf("%s %s of a %s wiki as %s shows the tokens", r.method, r.path, kind, v.name)
				}
			}
			done(slug)
		}
	}
}

// TestStrangersCannotTellPrivateFromMissing by anything in the answer.
func TestStrangersCannotTellPrivateFromMissing(t *testing.T) {
	f := newFleet(t)
	f.wiki(t, f.user(t, "owner", records.Premium), "secret", false)
	stranger := f.as(t, f.user(t, "stranger", records.Free))
	for _, r := range []struct{ method, path, body string }{
		{"GET", "/api/wikis/%s", ""},
		{"PATCH", "/api/wikis/%s", `{"name":"<"}`},
		{"PATCH", "/api/wikis/%s", `{"git":true}`},
		{"DELETE", "/api/wikis/%s", `{"confirm":"x"}`},
		{"POST", "/api/wikis/%s/token", ""},
	} {
		private := stranger.do(t, r.method, fmt.Sprintf(r.path, "secret"), r.body).problem(http.StatusNotFound, problem.NotFound)
		missing := stranger.do(t, r.method, fmt.Sprintf(r.path, "sesame"), r.body).problem(http.StatusNotFound, problem.NotFound)
		if strings.ReplaceAll(private.Detail, "secret", "sesame") != missing.Detail {
			t.Errorf("%s: %q and %q", r.method, private.Detail, missing.Detail)
		}
	}
}

// TestCSRF (CWE-352): a page of a wiki is same-site with the management API,
// holds text by strangers, and cannot use it.
func TestCSRF(t *testing.T) {
	f := newFleet(t)
	u := f.user(t, "ada", records.Free)
	w, _ := f.wiki(t, u, "ada", false)
	ada := f.as(t, u)
	for _, c := range []struct {
		why string
		as  client
	}{
		{"a wiki's page", ada.with("Sec-Fetch-Site", "same-site").with("Origin", "http://eve.wikibot.localhost:8080")},
		{"another site", ada.with("Sec-Fetch-Site", "cross-site")},
	} {
		c.as.do(t, "DELETE", "/api/wikis/ada", `{"confirm":"ada"}`)
		if r := c.as.do(t, "POST", "/api/wikis/ada/token", ""); r.Code != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", c.why, r.Code)
		}
	}
	if _, err := f.records.Wiki(t.Context(), w.ID); err != nil {
		t.Errorf("the wiki: %v", err)
	}
}
