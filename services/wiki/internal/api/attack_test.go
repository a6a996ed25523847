package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/wiki"
)

// Who may do what: every kind of caller at a private and at a public wiki.
func TestRightsMatrix(t *testing.T) {
	d := newDoor(t)
	public, other := d.Wiki(t, "open"), d.Wiki(t, "other")
	d.Publish(t, public)
	editor, viewer := d.User(t, "ed", d.wiki, records.Editor), d.User(t, "vi", d.wiki, records.Viewer)
	stranger := d.User(t, "stranger", d.wiki, "")
	never := time.Time{}
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	session := func(u records.User) []string {
		return []string{"Cookie", d.Cookie(t, u), "Sec-Fetch-Site", "same-origin"}
	}
	callers := []struct {
		who    string
		header []string
		// Statuses of a read and a write in the private wiki, and in the public one.
		read, write, openRead, openWrite int
	}{
		{"nobody", nil, 401, 401, 200, 401},
		{"token of the owner", bearer(d.token), 200, 200, 200, 403},
		{"token that may only read", bearer(d.Token(t, d.wiki, records.Viewer, never)), 200, 403, 200, 403},
		{"token of an editor", bearer(d.Token(t, d.wiki, records.Editor, never, editor)), 200, 200, 200, 403},
		{"token of a viewer, made to write", bearer(d.Token(t, d.wiki, records.Editor, never, viewer)), 200, 403, 200, 403},
		{"token of a user without rights", bearer(d.Token(t, d.wiki, records.Editor, never, stranger)), 404, 404, 200, 403},
		{"token of another wiki of the owner", bearer(d.Token(t, other, records.Editor, never)), 404, 404, 200, 403},
		{"expired token", bearer(d.Token(t, d.wiki, records.Editor, time.Now().Add(-time.Second))), 401, 401, 401, 401},
		{"made-up token", bearer("wbt_" + strings.Repeat("A", 43)), 401, 401, 401, 401},
		{"token as password", []string{"Authorization", "Basic eDp5"}, 401, 401, 401, 401},
		{"session of the owner", session(d.Owner), 200, 200, 200, 200},
		{"session of a viewer", session(viewer), 200, 403, 200, 403},
		{"session of a stranger", session(stranger), 404, 404, 200, 403},
		{"forged session", []string{"Cookie", "wikibot=e30.e30.x", "Sec-Fetch-Site", "same-origin"}, 401, 401, 200, 401},
		{"session, sent by a page of another wiki", append(session(d.Owner)[:2:2], "Sec-Fetch-Site", "same-site"), 200, 403, 200, 403},
		{"session, from an unknown origin", append(session(d.Owner)[:2:2], "Origin", "http://evil.example"), 200, 403, 200, 403},
	}
	reads := []string{"/pages", "/pages/Home", "/pages/Home/history", "/pages/Home/diff", "/changelog", "/search?q=x", "/links", "/links/Home"}
	writes := []struct {
		method, path string
		body         body
		ok           int // when allowed: the engine's answer, 200 by default
	}{
		{"PUT", "/pages/Home", body{"content": "x"}, 409},
		{"PATCH", "/pages/Home", body{"revision": "0000000", "old_string": "a", "new_string": "b"}, 422},
		{"DELETE", "/pages/Nothing", nil, 404},
		{"POST", "/pages/Nothing/rename", body{"new_path": "x"}, 404},
	}
	for _, c := range callers {
		for slug, want := range map[string][2]int{"docs": {c.read, c.write}, "open": {c.openRead, c.openWrite}} {
			for _, path := range reads {
				if a := d.sendTo(t, slug, "GET", path, nil, c.header...); a.status != want[0] {
					t.Errorf("%s reads %s%s: %d, want %d: %s", c.who, slug, path, a.status, want[0], a.raw)
				} else if a.status == 401 && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), `Bearer realm="`+slug+`"`) {
					t.Errorf("%s reads %s%s: challenge %q", c.who, slug, path, a.header.Get("WWW-Authenticate"))
				}
			}
			for _, w := range writes {
				status := want[1]
				if status == 200 {
					status = w.ok
				}
				if a := d.sendTo(t, slug, w.method, w.path, w.body, c.header...); a.status != status {
					t.Errorf("%s: %s %s%s: %d, want %d: %s", c.who, w.method, slug, w.path, a.status, status, a.raw)
				}
			}
		}
	}
}

// A stranger cannot tell a private wiki from one that does not exist.
func TestNoExistenceOracle(t *testing.T) {
	d := newDoor(t)
	stranger := d.Cookie(t, d.User(t, "stranger", d.wiki, ""))
	for _, header := range [][]string{nil, {"Cookie", stranger}} {
		there, missing := d.sendTo(t, "docs", "GET", "/pages/Home", nil, header...), d.sendTo(t, "nosuch", "GET", "/pages/Home", nil, header...)
		if there.status != missing.status || strings.ReplaceAll(there.str("detail"), "docs", "") != strings.ReplaceAll(missing.str("detail"), "nosuch", "") {
			t.Errorf("with %v: %s and %s", header, there.raw, missing.raw)
		}
	}
}

// Nothing about the input is said before the caller is let in.
func TestStrangersLearnNothingFromValidation(t *testing.T) {
	d := newDoor(t)
	for _, path := range []string{"/pages?limit=x", "/search", "/pages/Home?revision=zz"} {
		d.sendTo(t, "docs", "GET", path, nil).want(t, 401)
	}
	d.sendTo(t, "docs", "PUT", "/pages/x", "{not json").want(t, 401)
}

func TestUnknownHost(t *testing.T) {
	d := newDoor(t)
	d.sendTo(t, "a.b", "GET", "/pages", nil).want(t, 404)
	d.sendTo(t, "docs", "GET", "/health", nil).want(t, 200, `"status":"ok"`)
	d.sendTo(t, "docs", "GET", "/openapi.json", nil).want(t, 200, `"openapi": "3.1.0"`)
}

// Every spelling of a path that leads elsewhere: nothing is served, nothing is
// written, nothing breaks.
func TestPathTraversal(t *testing.T) {
	d := newDoor(t)
	head := d.Now(t, d.wiki.ID).Head
	for _, path := range []string{
		"../x", "%2e%2e/x", "%2e%2e%2fx", "a/../../x", "a/..", "a/%2e%2e/%2e%2e/x", "..%5cx", `..%5c..%5cx`, "%252e%252e/..",
		".git/config", ".GIT/config", "a/.git/hooks/post-commit", "git~1", "GIT~1/x", "%2egit/x", ".g%e2%80%8cit/x", "a/.gitmodules",
		"a%00", "%00", "a%0ab", "a%7f", "%ff%fe", "%c3%28", "a%e2%80%aeb", "con", "a/NUL.txt", "com1", "a.", "a%20", "%20a", "a/%20/b", "-", "-/x",
		"a:b", "a*b", "a%3fb", "a%7cb", "a%23b", "a%5bb", "a%3cb", strings.Repeat("x", 256), strings.Repeat("y/", 600) + "z", "api/v1", "api/v1/pages", "mcp", "repo.git/x",
	} {
		t.Run(path[:min(len(path), 30)], func(t *testing.T) {
			if a := d.send(t, "GET", "/pages/"+path, nil); a.status != 404 {
				t.Errorf("GET: %d %s", a.status, a.raw)
			}
			if a := d.send(t, "PUT", "/pages/"+path, body{"content": "x"}); a.status != 422 || !strings.Contains(a.raw, `"field":"path"`) {
				t.Errorf("PUT: %d %s", a.status, a.raw)
			}
			for _, m := range []string{"PATCH", "DELETE"} {
				if a := d.send(t, m, "/pages/"+path, body{"revision": head, "old_string": "a", "new_string": "b"}); m == "PATCH" && a.status != 404 || a.status >= 500 {
					t.Errorf("%s: %d %s", m, a.status, a.raw)
				}
			}
			for _, p := range []string{"/pages/" + path + "/history", "/pages/" + path + "/diff", "/links/" + path} {
				if a := d.send(t, "GET", p, nil); a.status >= 500 {
					t.Errorf("GET %s: %d %s", p, a.status, a.raw)
				}
			}
			decoded, err := url.PathUnescape(path)
			if err != nil {
				t.Fatal(err)
			}
			if !utf8.ValidString(decoded) {
				return // JSON cannot say it
			}
			if a := d.send(t, "POST", "/pages/Home/rename", body{"new_path": decoded}); a.status != 422 {
				t.Errorf("rename to it: %d %s", a.status, a.raw)
			}
		})
	}
}

// Two names that differ only in case, or only in how an accent is written, are
// one page.
func TestCaseAndNormalisationCollisions(t *testing.T) {
	d := newDoor(t)
	d.send(t, "PUT", "/pages/Caf%C3%A9", body{"content": "x"}).want(t, 201)
	d.send(t, "PUT", "/pages/CAFE%CC%81", body{"content": "y"}).want(t, 409)
	if got := d.send(t, "GET", "/pages/cafe%CC%81", nil).want(t, 200); got.str("path") != "Café" {
		t.Errorf("got %s", got.raw)
	}
}

func TestTextThatCannotBeKept(t *testing.T) {
	d := newDoor(t)
	for why, raw := range map[string]string{
		"bytes that are no UTF-8": "{\"content\":\"a\xff\"}",
		"half a surrogate pair":   `{"content":"a\ud800b"}`,
		"no JSON":                 `{"content":`,
		"UTF-16":                  "\xff\xfe{\x00}\x00",
	} {
		if a := d.send(t, "PUT", "/pages/Bad", raw); a.status != 400 {
			t.Errorf("%s: %d %s", why, a.status, a.raw)
		}
	}
	for why, in := range map[string]any{
		"NUL": body{"content": "a\x00b"}, "unknown field": body{"content": "x", "revison": "y"}, "no content": body{"revision": "0000000"},
		"null": body{"content": nil}, "a list": []int{1},
	} {
		if a := d.send(t, "PUT", "/pages/Bad", in); a.status != 422 {
			t.Errorf("%s: %d %s", why, a.status, a.raw)
		}
	}
	d.send(t, "PUT", "/pages/Bad", nil).want(t, 400)
	d.send(t, "PUT", "/pages/Bad", "content=x", "Content-Type", "application/x-www-form-urlencoded").want(t, 415)
	d.send(t, "GET", "/pages/Bad", nil).want(t, 404)
}

func TestOversizePages(t *testing.T) {
	d := newDoor(t)
	d.send(t, "PUT", "/pages/Big", body{"content": strings.Repeat("\n", wiki.MaxPage)}).want(t, 201)
	d.send(t, "PUT", "/pages/Bigger", body{"content": strings.Repeat("x", wiki.MaxPage+1)}).want(t, 413)
	d.send(t, "PUT", "/pages/Bigger", body{"content": strings.Repeat("x", 5*wiki.MaxPage)}).want(t, 413)
	d.send(t, "PUT", "/pages/M", body{"content": "x", "commit_message": strings.Repeat("m", 4001)}).want(t, 422, "commit_message")
}

// The author of a commit is who the token belongs to, whatever the request says.
func TestForgedAuthorship(t *testing.T) {
	d := newDoor(t)
	d.send(t, "PUT", "/pages/P", body{"content": "x", "commit_message": "Hi\n\nWikibot-Agent: Somebody\nwikibot-via: web"}, "User-Agent", "evil\tbot\x7f/1").want(t, 201)
	got := d.send(t, "GET", "/pages/P/history", nil).want(t, 200)
	c := got.body["history"].([]any)[0].(body)
	if c["author"] != "Ada" || c["agent"] != "evil bot" || c["message"] != "Hi" {
		t.Errorf("commit: %v", c)
	}
	if strings.Contains(got.raw, "example.org") {
		t.Errorf("a person's address leaked: %s", got.raw)
	}
}

func TestMethodsThatAreNotThere(t *testing.T) {
	d := newDoor(t)
	for _, c := range []struct{ method, path, allow string }{
		{"POST", "/pages", "GET, HEAD"},
		{"POST", "/pages/Home", "GET, HEAD, PUT, PATCH, DELETE"},
		{"OPTIONS", "/pages/Home", "GET, HEAD, PUT, PATCH, DELETE"},
		{"DELETE", "/search", "GET, HEAD"},
		{"GET", "/pages/Home/rename", "POST"},
	} {
		if a := d.send(t, c.method, c.path, nil).want(t, http.StatusMethodNotAllowed); a.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: Allow %q, want %q", c.method, c.path, a.header.Get("Allow"), c.allow)
		}
	}
	for _, path := range []string{"", "/", "/nope", "/attachments", "/semantic-search", "/pages/../../mcp"} {
		if a := d.send(t, "GET", path, nil); a.status != 404 {
			t.Errorf("GET %q: %d", path, a.status)
		}
	}
}
