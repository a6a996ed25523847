package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Names that some decoder, file system or git reads as a way out of the wiki.
var wayOut = []string{
	"/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
	"/..%5c..%5cetc%5cpasswd", "/%252e%252e%252fetc/passwd", "/....//....//etc/passwd", "/Home/../../../etc/passwd",
	"/.git/config", "/%2egit/config", "/.GIT/config", "/.git%2fconfig", "/Home/.git/HEAD", "/.git", "/git~1/config",
	"/.g%E2%80%8Cit/config", "/HEAD", "/objects/info/packs", "/refs/heads/main", "/repo.git/config", "//etc/passwd",
	"/%00", "/Home%00.md", "/.gitmodules", "/%C0%AE%C0%AE/etc/passwd", "/%ff%fe",
}

func TestPathTraversal(t *testing.T) {
	s := newSite(t)
	for _, path := range wayOut {
		for _, at := range []string{"", "/-/source", "/-/history", "/-/revision/" + s.open.Head[:12], "/-/diff", "/-/index", "/-/edit", "/-/rename", "/-/delete"} {
			a := s.get("owner", "open", at+path)
			ok := a.Code == http.StatusNotFound || a.Code == http.StatusUnprocessableEntity ||
				at == "/-/edit" && a.Code == http.StatusSeeOther && strings.HasPrefix(a.Header().Get("Location"), "/-/new?path=") ||
				a.Code == http.StatusMovedPermanently && !strings.HasPrefix(a.Header().Get("Location"), "//")
			if !ok {
				t.Errorf("GET %s: status %d, want not found", at+path, a.Code)
			}
			if body := a.Body.String(); strings.Contains(body, "root:") || strings.Contains(body, "repositoryformatversion") {
				t.Errorf("GET %s shows a file of the host", at+path)
			}
		}
	}
}

func TestHostileNameIsRefused(t *testing.T) {
	s := newSite(t)
	head := s.Now(t, s.open.ID).Head
	for _, name := range []string{
		"../x", "a/../../x", ".git/config", ".GIT/hooks/post-update", "git~1", "GIT~1/x", ".g\u200cit/config", "a/.git/x", ".gitmodules",
		"-/x", "a//../x", "x\x00y", "con", "a\\b", "a\nb", "\xff\xfe", "a|b", "mcp", "repo.git/x", "api/v1", strings.Repeat("x", 300), strings.Repeat("x/", 600), "",
	} {
		a := s.post("owner", "open", "/-/new", url.Values{"path": {name}, "content": {"my text"}}).want(http.StatusUnprocessableEntity)
		if got := a.field("content"); got != "my text\n" && got != "my text" {
			t.Errorf("%q: the text came back as %q", name, got)
		}
		if len(a.all("input", "aria-invalid", "true")) != 1 {
			t.Errorf("%q: the error does not stand at the name", name)
		}
		s.post("owner", "open", "/-/rename/Home", url.Values{"to": {name}}).want(http.StatusUnprocessableEntity)
	}
	if now := s.Now(t, s.open.ID).Head; now != head {
		t.Errorf("the head moved from %s to %s", head, now)
	}
}

// An answer must not grow with the square of what a stranger asks for.
func TestAddressOfManyFolders(t *testing.T) {
	s := newSite(t)
	for _, folders := range []int{400, 1900, 20_000} {
		deep := strings.Repeat("a/", folders) + "b"
		for _, path := range []string{"/" + deep, "/-/history/" + deep, "/-/edit/" + deep, "/-/new?path=" + deep, "/-/index/" + deep, "/-/diff/" + deep} {
			for _, as := range []string{"anonymous", "owner"} {
				if a := s.get(as, "open", path); a.Body.Len() > 10*len(deep)+64<<10 {
					t.Errorf("%s asks for %d folders, %.12s…: %d bytes of address, %d of answer", as, folders, path, len(path), a.Body.Len())
				}
			}
		}
	}
	s.plant(s.open, map[string]string{strings.Repeat("d/", 100) + "Deep.md": "x"})
	s.get("anonymous", "open", "/"+strings.Repeat("d/", 100)+"Deep").want(200).says("…")
}

// What people and imports write must never become markup, in any screen.
func TestStoredScript(t *testing.T) {
	s := newSite(t)
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`
	name := `Evil 'q' & <b>bold<`
	s.plant(s.open, map[string]string{
		name + ".md":            "---\ntitle: '" + strings.ReplaceAll(evil, "'", "''") + "'\n---\n# h " + evil + "\n\n" + evil + "\n\n[x](javascript:alert(1)) [[" + evil + "]]\n\n`" + evil + "`\n\n<svg onload=alert(1)></svg>\n",
		name + "/" + "<i>a.txt": "x",
		"Linker.md":             "[e](/Evil%20'q'%20&%20%3Cb%3Ebold%3C)\n",
	})
	yes := `Wiki </title><script>alert("wiki")</script>`
	s.rename(s.open, yes)
	at := "/" + url.PathEscape(name)
	head := s.Now(t, s.open.ID).Head[:12]
	for _, path := range []string{
		at, "/-/history" + at, "/-/diff" + at, "/-/commit/" + head, "/-/changelog", "/-/index", "/-/edit" + at, "/-/rename" + at, "/-/delete" + at,
		"/-/revision/" + head + at, "/-/search?q=alert", "/-/search?q=" + url.QueryEscape(evil), "/-/new?path=" + url.QueryEscape(evil),
		"/" + url.PathEscape(evil), "/-/" + url.PathEscape(evil), "/-/history/" + url.PathEscape(evil), "/Linker",
		"/-/history/Linker?before=" + url.QueryEscape(evil), at + "?merged=" + url.QueryEscape(evil),
	} {
		a := s.get("owner", "open", path)
		if a.page == nil {
			t.Errorf("%s: status %d, no page", path, a.Code)
			continue
		}
		inert(t, path, a)
	}
	s.get("owner", "open", at).want(200).says("alert(1)")
}

// inert checks that a page holds nothing that runs but its own script.
func inert(t *testing.T, path string, a answer) {
	t.Helper()
	if csp := a.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("%s: content security policy %q", path, csp)
	}
	for n := range a.page.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script":
			if src := attr(n, "src"); !strings.HasPrefix(src, "/-/assets/") || n.FirstChild != nil {
				t.Errorf("%s holds a script that is not ours: src %q", path, src)
			}
		case "style", "iframe", "object", "embed", "svg", "base":
			t.Errorf("%s holds a <%s>", path, n.Data)
		}
		for _, at := range n.Attr {
			if strings.HasPrefix(at.Key, "on") || at.Key == "style" || at.Key == "srcdoc" {
				t.Errorf("%s: <%s> has %s=%q", path, n.Data, at.Key, at.Val)
			}
			if v := strings.ToLower(strings.TrimSpace(at.Val)); (at.Key == "href" || at.Key == "src" || at.Key == "action") && (strings.HasPrefix(v, "javascript:") || strings.HasPrefix(v, "data:") || strings.HasPrefix(v, "//")) {
				t.Errorf("%s: <%s %s=%q>", path, n.Data, at.Key, at.Val)
			}
		}
	}
}

// A file is somebody's upload: on the wiki's own origin it must not run.
func TestActiveAttachment(t *testing.T) {
	s := newSite(t)
	files := map[string]struct{ kind, disposition string }{
		"a.png": {"image/png", ""}, "a.JPG": {"image/jpeg", ""}, "a.webp": {"image/webp", ""},
		"a.txt": {"text/plain; charset=utf-8", ""}, "a.json": {"text/plain; charset=utf-8", ""},
		"a.html": {"application/octet-stream", "attachment"}, "a.svg": {"application/octet-stream", "attachment"},
		"a.xml": {"application/octet-stream", "attachment"}, "a.pdf": {"application/octet-stream", "attachment"},
		"a.js": {"application/octet-stream", "attachment"}, "a.xhtml": {"application/octet-stream", "attachment"},
		"noext": {"application/octet-stream", "attachment"}, "a.png.html": {"application/octet-stream", "attachment"},
	}
	planted := map[string]string{}
	for name := range files {
		planted["Files/"+name] = "<script>alert(1)</script>"
	}
	s.plant(s.open, planted)
	for name, want := range files {
		a := s.get("anonymous", "open", "/Files/"+name).want(200)
		h := a.Header()
		if got := h.Get("Content-Type"); got != want.kind {
			t.Errorf("%s: type %q, want %q", name, got, want.kind)
		}
		if got, _, _ := strings.Cut(h.Get("Content-Disposition"), ";"); got != want.disposition {
			t.Errorf("%s: disposition %q, want %q", name, got, want.disposition)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox; default-src 'none'") {
			t.Errorf("%s may run: %v", name, h)
		}
		s.get("anonymous", "open", "/Files/"+name, "If-None-Match", h.Get("Etag")).want(http.StatusNotModified)
		part := s.get("anonymous", "open", "/Files/"+name, "Range", "bytes=0-6").want(http.StatusPartialContent)
		if part.Body.String() != "<script" {
			t.Errorf("%s: the first seven bytes are %q", name, part.Body.String())
		}
	}
	s.get("anonymous", "open", "/files/A.TXT").want(301).leads("/Files/a.txt")
}

// A revision reaches no command line and no unreachable object.
func TestMalformedRevision(t *testing.T) {
	s := newSite(t)
	for _, rev := range []string{"--output=x", "HEAD", "main", "zzzzzzz", "abc", "..", "%2e%2e", strings.Repeat("a", 40), strings.Repeat("a", 41), "HEAD~1", "-n1"} {
		for _, path := range []string{"/-/commit/" + rev, "/-/revision/" + rev + "/Home", "/-/diff/Home?from=" + rev, "/-/diff/Home?to=" + rev, "/-/history/Home?before=" + rev, "/-/changelog?before=" + rev} {
			if a := s.get("owner", "open", path); a.Code != 404 && a.Code != 422 {
				t.Errorf("%s: status %d, want 404 or 422", path, a.Code)
			}
		}
		a := s.post("owner", "open", "/-/edit/Home", url.Values{"content": {"mine"}, "base": {rev}})
		if a.Code != 404 && a.Code != 422 {
			t.Errorf("save from revision %q: status %d, want 404 or 422", rev, a.Code)
		}
		if got := a.field("content"); got != "mine" && got != "mine\n" {
			t.Errorf("save from revision %q lost the text: %q", rev, got)
		}
	}
}
