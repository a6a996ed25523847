package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCreateReadUpdate(t *testing.T) {
	d := newDoor(t)
	content := "---\ntitle: Setting Up\ncategory: Guides\ntags: a, b\n---\n# Other\n\nSee [[Home]].\n"
	made := d.send(t, "PUT", "/pages/Guides/Setup", body{"content": content, "commit_message": "Say how"}).want(t, 201)
	if made.str("name") != "Setting Up" || made.str("path") != "Guides/Setup" || made.body["created"] != true {
		t.Errorf("created: %s", made.raw)
	}

	got := d.send(t, "GET", "/pages/Guides/Setup", nil).want(t, 200)
	if got.str("content") != content || got.str("name") != "Setting Up" || got.str("revision") != made.str("revision") || len(got.str("revision")) != 40 {
		t.Errorf("read: %s", got.raw)
	}
	if d := cmp.Diff(any(body{"title": "Setting Up", "category": "Guides", "tags": "a, b"}), got.body["frontmatter"]); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(any([]any{"Home"}), got.body["links_to"]); d != "" {
		t.Error(d)
	}
	last, _ := got.body["last_commit"].(body)
	if last["author"] != "Ada" || last["message"] != "Say how" || last["revision"] != got.body["revision"] || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("last commit: %s", got.raw)
	}

	up := d.send(t, "PUT", "/pages/guides/SETUP.md", body{"content": "new\n", "revision": got.str("revision")[:7]}).want(t, 200)
	if up.str("path") != "Guides/Setup" || up.body["created"] != false || up.str("revision") == got.str("revision") {
		t.Errorf("updated: %s", up.raw)
	}
	same := d.send(t, "PUT", "/pages/Guides/Setup", body{"content": "new\n", "revision": up.str("revision")}).want(t, 200)
	if same.body["unchanged"] != true {
		t.Errorf("same content: %s", same.raw)
	}
	old := d.send(t, "GET", "/pages/Guides/Setup?revision="+made.str("revision")[:8], nil).want(t, 200)
	if old.str("content") != content || old.str("revision") != made.str("revision") {
		t.Errorf("old: %s", old.raw)
	}
	d.send(t, "GET", "/pages/Guides/Setup?revision=0123456789", nil).want(t, 404)
	d.send(t, "GET", "/pages/Guides/Setup?revision=--output", nil).want(t, 422)
	// A commit between, of another page, does not become the page's own.
	d.send(t, "PUT", "/pages/Other", body{"content": "x"}).want(t, 201)
	if again := d.send(t, "GET", "/pages/Guides/Setup", nil); again.str("revision") != up.str("revision") {
		t.Errorf("revision %s is not the last commit that touched the page, %s", again.str("revision"), up.str("revision"))
	}
	if h := d.send(t, "HEAD", "/pages/Guides/Setup", nil); h.status != 200 {
		t.Errorf("HEAD: %d", h.status)
	}
}

func TestContentIsKeptVerbatim(t *testing.T) {
	d := newDoor(t)
	for name, content := range map[string]string{
		"no final line end": "x", "blank edges": "\n\n  x  \n\n\n", "CRLF": "a\r\nb\r\n", "tabs": "\ta\n", "empty": "",
		"markup": "<b>&amp;</b>\u2028", "not Latin": "日本語 \U0001F600 e\u0301", "byte order mark": "\ufeffx",
		"only front matter": "---\na: 1\n---\n",
	} {
		path := "/pages/Verbatim/" + strings.ReplaceAll(name, " ", "%20")
		d.send(t, "PUT", path, body{"content": content}).want(t, 201)
		if got := d.send(t, "GET", path, nil).want(t, 200); got.str("content") != content {
			t.Errorf("%s: got %q, want %q", name, got.str("content"), content)
		}
	}
}

func TestRevisionRules(t *testing.T) {
	d := newDoor(t)
	text := "one\ntwo\nthree\nfour\nfive\n"
	first := d.send(t, "PUT", "/pages/P", body{"content": text}).want(t, 201).str("revision")
	second := d.send(t, "PUT", "/pages/P", body{"content": strings.Replace(text, "one", "ONE", 1), "revision": first}).want(t, 200).str("revision")

	for _, c := range []struct {
		why      string
		revision any
		status   int
		says     string
	}{
		{"none: the page exists", nil, 409, `"current_revision":"` + second + `"`},
		{"empty counts as none", "", 409, `"current_revision":"` + second + `"`},
		{"too short to stay unique", second[:6], 422, "6 digits"},
		{"not hexadecimal", "HEADHEAD", 422, "not hexadecimal"},
		{"an option of git", "--output=x", 422, "not hexadecimal"},
		{"unknown", "0123456789abcdef", 422, "no revision of this wiki"},
		{"too long", second + "0", 422, "41 digits"},
		{"no string", 7, 422, "expected string"},
	} {
		b := body{"content": "x"}
		if c.revision != nil {
			b["revision"] = c.revision
		}
		t.Run(c.why, func(t *testing.T) { d.send(t, "PUT", "/pages/P", b).want(t, c.status, c.says) })
	}

	merged := d.send(t, "PUT", "/pages/P", body{"content": strings.Replace(text, "five", "FIVE", 1), "revision": first}).want(t, 200)
	if merged.body["merged"] != true {
		t.Errorf("disjoint edits: %s", merged.raw)
	}
	if got := d.send(t, "GET", "/pages/P", nil); got.str("content") != "ONE\ntwo\nthree\nfour\nFIVE\n" {
		t.Errorf("merged to %q", got.str("content"))
	}
	clash := d.send(t, "PUT", "/pages/P", body{"content": strings.Replace(text, "one", "uno", 1), "revision": strings.ToUpper(first[:12])}).want(t, 409)
	texts, _ := clash.body["conflict"].(body)
	if clash.str("current_revision") != merged.str("revision") || texts["base"] != text || texts["theirs"] != "ONE\ntwo\nthree\nfour\nFIVE\n" || texts["yours"] != "uno\ntwo\nthree\nfour\nfive\n" {
		t.Errorf("conflict: %s", clash.raw)
	}
	d.send(t, "PUT", "/pages/Never", body{"content": "x", "revision": first}).want(t, 404)
}

func TestEdit(t *testing.T) {
	d := newDoor(t)
	rev := d.send(t, "PUT", "/pages/P", body{"content": "aa bb aa\n"}).want(t, 201).str("revision")
	for _, c := range []struct {
		why    string
		path   string
		in     body
		status int
		says   string
	}{
		{"all fields at once", "P", body{}, 422, "old_string"},
		{"revision is missing", "P", body{"old_string": "bb", "new_string": "c"}, 422, "revision"},
		{"revision is empty", "P", body{"revision": "", "old_string": "bb", "new_string": "c"}, 422, "revision"},
		{"revision is short", "P", body{"revision": rev[:6], "old_string": "bb", "new_string": "c"}, 422, "6 digits"},
		{"nothing to replace", "P", body{"revision": rev, "old_string": "", "new_string": "c"}, 422, "is empty"},
		{"no change", "P", body{"revision": rev, "old_string": "bb", "new_string": "bb"}, 422, "the same"},
		{"not found", "P", body{"revision": rev, "old_string": "zz", "new_string": "c"}, 422, "not found"},
		{"ambiguous, with the count", "P", body{"revision": rev, "old_string": "aa", "new_string": "c"}, 422, "found 2 times"},
		{"no such page", "Q", body{"revision": rev, "old_string": "bb", "new_string": "c"}, 404, "no such page"},
	} {
		t.Run(c.why, func(t *testing.T) { d.send(t, "PATCH", "/pages/"+c.path, c.in).want(t, c.status, c.says) })
	}
	d.send(t, "PATCH", "/pages/P", body{"revision": rev, "old_string": "bb", "new_string": "cc"}).want(t, 200)
	if got := d.send(t, "GET", "/pages/P", nil); got.str("content") != "aa cc aa\n" {
		t.Errorf("got %q", got.str("content"))
	}
}

func TestRenameAndDelete(t *testing.T) {
	d := newDoor(t)
	d.send(t, "PUT", "/pages/Old%20Name", body{"content": "# Old\n"}).want(t, 201)
	d.send(t, "PUT", "/pages/Linker", body{"content": "See [[the old one|Old Name]] and [it](/Old%20Name).\n"}).want(t, 201)
	d.send(t, "PUT", "/pages/Taken", body{"content": "x"}).want(t, 201)

	d.send(t, "POST", "/pages/Old%20Name/rename", body{}).want(t, 422, "new_path")
	d.send(t, "POST", "/pages/Old%20Name/rename", body{"new_path": ""}).want(t, 422, "new_path")
	d.send(t, "POST", "/pages/Old%20Name/rename", body{"new_path": "Old Name"}).want(t, 422, "new_path")
	d.send(t, "POST", "/pages/Old%20Name/rename", body{"new_path": "../x"}).want(t, 422, "new_path")
	d.send(t, "POST", "/pages/Old%20Name/rename", body{"new_path": "taken"}).want(t, 409)
	d.send(t, "POST", "/pages/Nowhere/rename", body{"new_path": "x"}).want(t, 404)
	moved := d.send(t, "POST", "/pages/old%20name/rename", body{"new_path": "Deep/New"}).want(t, 200)
	if moved.str("old_path") != "Old Name" || moved.str("new_path") != "Deep/New" || len(moved.str("revision")) != 40 {
		t.Errorf("moved: %s", moved.raw)
	}
	if diff := cmp.Diff(any([]any{"Linker"}), moved.body["updated_pages"]); diff != "" {
		t.Error(diff)
	}
	if got := d.send(t, "GET", "/pages/Linker", nil); got.str("content") != "See [[the old one|Deep/New]] and [it](/Deep/New).\n" {
		t.Errorf("linker: %q", got.str("content"))
	}
	d.send(t, "GET", "/pages/Old%20Name", nil).want(t, 404)

	history := d.send(t, "GET", "/pages/Deep/New/history", nil).want(t, 200)
	commits, _ := history.body["history"].([]any)
	if len(commits) != 2 || commits[0].(body)["kind"] != "renamed" || commits[0].(body)["old_path"] != "Old Name" {
		t.Errorf("history: %s", history.raw)
	}

	gone := d.send(t, "DELETE", "/pages/Deep/New", body{"commit_message": "Enough"}).want(t, 200)
	if gone.body["deleted"] != true || gone.str("path") != "Deep/New" {
		t.Errorf("deleted: %s", gone.raw)
	}
	d.send(t, "DELETE", "/pages/Deep/New", nil).want(t, 404)
	d.send(t, "GET", "/pages/Deep/New", nil).want(t, 404)
	d.send(t, "DELETE", "/pages/Taken", nil).want(t, 200)
	d.send(t, "GET", "/pages/Deep/New/history", nil).want(t, 200, "Enough", `"deleted"`)
	d.send(t, "GET", "/pages/Never/history", nil).want(t, 404)
}

// A page that is named like a verb is reached with an encoded slash, and every
// method says so where it cannot be.
func TestPagesNamedLikeVerbs(t *testing.T) {
	d := newDoor(t)
	d.send(t, "PUT", "/pages/Foo%2Fhistory", body{"content": "verb"}).want(t, 201)
	if got := d.send(t, "GET", "/pages/Foo%2Fhistory", nil).want(t, 200); got.str("path") != "Foo/history" {
		t.Errorf("got %s", got.raw)
	}
	d.send(t, "GET", "/pages/Foo%2Fhistory/history", nil).want(t, 200, `"path":"Foo/history"`)
	d.send(t, "GET", "/pages/Foo/history", nil).want(t, 404) // the history of Foo, which never was
	not := d.send(t, "PUT", "/pages/Foo/history", body{"content": "x"}).want(t, 405, "%2F")
	if not.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow: %q", not.header.Get("Allow"))
	}
	d.send(t, "PUT", "/pages/history", body{"content": "top"}).want(t, 201)
	d.send(t, "GET", "/pages/rename", nil).want(t, 404)
}

func TestRepeatedRequestAnswersTheSame(t *testing.T) {
	d := newDoor(t)
	send := func(content string) answer {
		return d.send(t, "PUT", "/pages/Once", body{"content": content}, "Idempotency-Key", "k1")
	}
	first, again := send("x").want(t, 201), send("x").want(t, 201)
	if first.raw != again.raw {
		t.Errorf("%s, then %s", first.raw, again.raw)
	}
	if another := send("y"); another.status != http.StatusConflict {
		t.Errorf("another request under the same key: %d %s", another.status, another.raw)
	}
	if log := d.send(t, "GET", "/pages/Once/history", nil); len(log.body["history"].([]any)) != 1 {
		t.Errorf("history: %s", log.raw)
	}
}
