package githttp_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"wikibot.io/pkg/identity"
)

const contentType = "application/x-git-upload-pack-request"

// ask sends one request to the wiki's host.
func (w *wiki) ask(method, path string, body io.Reader, header map[string]string) (*http.Response, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Host = strings.TrimPrefix(w.hosts.Wiki(w.Slug, ""), "http://")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, string(b)
}

func pkt(lines ...string) string {
	var b strings.Builder
	for _, l := range lines {
		if l == "" {
			b.WriteString("0000")
			continue
		}
		fmt.Fprintf(&b, "%04x%s", len(l)+4, l)
	}
	return b.String()
}

// The head and its authorization matrix: who, which wiki, what comes back.
func TestPrivateWikisOpenOnlyToTheirTokens(t *testing.T) {
	f := newFleet(t)
	private := f.wiki(f.owner, "secret", false)
	private.save(map[string]string{"Home.md": "secret"})
	other := f.wiki(f.user("eve"), "other", true)
	other.save(map[string]string{"Home.md": "x"})
	missing := &wiki{fleet: f}
	missing.Slug = "missing"
	never, _ := identity.NewWikiToken()

	for _, path := range []string{"/repo.git/info/refs?service=git-upload-pack", "/repo.git/git-upload-pack", "/repo.git/info/refs?service=git-receive-pack", "/repo.git/HEAD"} {
		method := http.MethodGet
		if strings.HasSuffix(path, "-pack") && !strings.Contains(path, "?") {
			method = http.MethodPost
		}
		for _, w := range []*wiki{private, missing} { // a stranger sees no difference
			res, body := w.ask(method, path, nil, nil)
			if res.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), `Basic realm="`+w.Slug+`"`) {
				t.Errorf("%s of %s without token: %d %v %s", path, w.Slug, res.StatusCode, res.Header, body)
			}
			for why, secret := range map[string]string{"made up": "wbt_nonsense", "never issued": never} {
				if res, _ := w.ask(method, path, nil, map[string]string{"Authorization": "Bearer " + secret}); res.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s of %s with a token that was %s: %d", path, w.Slug, why, res.StatusCode)
				}
			}
			if res, body := w.ask(method, path, nil, map[string]string{"Authorization": "Bearer " + other.token}); res.StatusCode != http.StatusNotFound || strings.Contains(body, private.Head) {
				t.Errorf("%s of %s with the token of another wiki: %d %s", path, w.Slug, res.StatusCode, body)
			}
		}
		// A cookie must not open this door, since browsers send it by themselves.
		if res, _ := private.ask(method, path, nil, map[string]string{"Cookie": identity.WikiCookie + "=x"}); res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusForbidden {
			t.Errorf("%s with a cookie: %d", path, res.StatusCode)
		}
	}
	for why, url := range map[string]string{
		"no token": private.url(), "wrong token": private.withToken("wbt_wrong"), "another wiki's token": private.withToken(other.token),
	} {
		if out, err := f.run(".", "clone", "-q", url, filepath.Join(t.TempDir(), "x")); err == nil {
			t.Errorf("cloned with %s: %s", why, out)
		}
	}
	dir := filepath.Join(t.TempDir(), "clone")
	f.must(".", "clone", "-q", private.withToken(private.token), dir)
	private.whole(dir)
	bearer := filepath.Join(t.TempDir(), "clone")
	f.must(".", "-c", "http.extraHeader=Authorization: Bearer "+private.token, "clone", "-q", private.url(), bearer)
	private.whole(bearer)
	if strings.Contains(f.log(), private.token) || strings.Contains(f.log(), never) {
		t.Error("a token is in the log")
	}
}

func TestPushIsRefusedInWordsThatGitShows(t *testing.T) {
	f := newFleet(t)
	w := f.wiki(f.owner, "notes", true)
	w.save(map[string]string{"Home.md": "1"})
	dir := filepath.Join(t.TempDir(), "clone")
	f.must(".", "clone", "-q", w.withToken(w.token), dir)
	f.must(dir, "commit", "-q", "--allow-empty", "-m", "mine")
	out, err := f.run(dir, "push", "origin", "main")
	if err == nil {
		t.Fatal("the push was accepted")
	}
	for _, want := range []string{"edit its pages", "/api/v1/", "/mcp", w.hosts.Wiki("notes", "/")} {
		if !strings.Contains(out, want) {
			t.Errorf("git says %q, without %q", out, want)
		}
	}
	if res, body := w.ask(http.MethodPost, "/repo.git/git-receive-pack", strings.NewReader("0000"), nil); res.StatusCode != http.StatusForbidden || !strings.Contains(body, "not possible") {
		t.Errorf("a push past the advertisement: %d %s", res.StatusCode, body)
	}
}

func TestProbesGetClearAnswers(t *testing.T) {
	f := newFleet(t)
	w := f.wiki(f.owner, "notes", true)
	w.save(map[string]string{"Home.md": "1"})
	for _, c := range []struct {
		why, method, path string
		status            int
		says              string
	}{
		{"dumb clients read this first", "GET", "/repo.git/info/refs", 403, "smart protocol"},
		{"and this next", "GET", "/repo.git/HEAD", 404, "git clone"},
		{"a path into the store", "GET", "/repo.git/objects/pack/../../config", 404, ""},
		{"an encoded one", "GET", "/repo.git/%2e%2e/%2e%2e/records.db", 404, ""},
		{"a person with a browser", "GET", "/repo.git/", 404, "git clone " + w.url()},
		{"another service", "GET", "/repo.git/info/refs?service=git-upload-archive", 403, ""},
		{"a header split by the parameter", "GET", "/repo.git/info/refs?service=git-upload-pack%0d%0aX:%20y", 403, ""},
		{"doubled slashes", "GET", "/repo.git//info//refs?service=git-upload-pack", 200, w.Head},
		{"the wrong method", "GET", "/repo.git/git-upload-pack", 405, ""},
		{"the other way round", "POST", "/repo.git/info/refs?service=git-upload-pack", 405, ""},
		{"only the head", "HEAD", "/repo.git/info/refs?service=git-upload-pack", 200, ""},
	} {
		res, body := w.ask(c.method, c.path, nil, nil)
		if res.StatusCode != c.status || !strings.Contains(body, c.says) || res.Header.Get("X") != "" {
			t.Errorf("%s: %s %s gives %d %s", c.why, c.method, c.path, res.StatusCode, body)
		}
		if c.status == 200 && (!strings.Contains(res.Header.Get("Cache-Control"), "no-cache") || res.Header.Get("Content-Type") != "application/x-git-upload-pack-advertisement") {
			t.Errorf("%s: headers %v", c.why, res.Header)
		}
	}
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	f := newFleet(t)
	w := f.wiki(f.owner, "notes", true)
	w.save(map[string]string{"Home.md": "1"})
	want := "want " + w.Head
	unknown := strings.Repeat("ab", 20)
	zip := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.Copy(z, strings.NewReader(s))
		_ = z.Close()
		return b.String()
	}
	endless := pkt(want+"\n", "") + strings.Repeat(pkt("have "+unknown+"\n"), 70_000)
	for _, c := range []struct {
		why, body, encoding string
		status              int
		says                string
	}{
		{"no packet", "hello world", "", 400, "malformed"},
		{"length below its own four digits", "0003", "", 400, "malformed"},
		{"length beyond the protocol's", "fff5" + strings.Repeat("x", 65525), "", 400, "malformed"},
		{"length beyond the body", "0040want", "", 400, "malformed"},
		{"negative length", "-001want", "", 400, "malformed"},
		{"ends within the wants", pkt(want + "\n"), "", 400, "malformed"},
		{"id that is none", pkt("want HEAD\n", ""), "", 400, "malformed"},
		{"an option in place of an id", pkt("want --upload-pack=x\n", ""), "", 400, "malformed"},
		{"unknown verb", pkt("please "+w.Head, ""), "", 400, "unknown line"},
		{"unknown verb later", pkt(want+"\n", "", "please\n"), "", 400, "unknown line"},
		{"a commit that is not ours", pkt("want "+unknown+"\n", "", "done\n"), "", 200, "ERR upload-pack: not our ref " + unknown},
		{"depth", pkt(want+"\n", "deepen 1\n", ""), "", 400, "--depth"},
		{"filter", pkt(want+" filter\n", "filter blob:none\n", ""), "", 400, "--filter"},
		{"thousands of wants", strings.Repeat(pkt(want+"\n"), 2000), "", 400, "too many"},
		{"endless haves", endless, "", 413, ""},
		{"endless haves, compressed", zip(endless), "gzip", 413, ""},
		{"gzip bomb", zip(pkt(want+"\n", "") + strings.Repeat("0000", 8<<20)), "gzip", 413, ""},
		{"gzip that is none", "hello", "gzip", 400, "gzip"},
		{"another compression", "hello", "br", 400, "gzip"},
	} {
		res, body := w.ask(http.MethodPost, "/repo.git/git-upload-pack", strings.NewReader(c.body), map[string]string{"Content-Type": contentType, "Content-Encoding": c.encoding})
		if res.StatusCode != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %.200s", c.why, res.StatusCode, body)
		}
	}
	res, _ := w.ask(http.MethodPost, "/repo.git/git-upload-pack", strings.NewReader(pkt(want+"\n", "", "done\n")), map[string]string{"Content-Type": "text/plain"})
	if res.StatusCode != 400 {
		t.Errorf("a form of another site: %d", res.StatusCode)
	}
	// Chunked, gzipped and right: a pack comes back.
	res, body := w.ask(http.MethodPost, "/repo.git/git-upload-pack", io.MultiReader(strings.NewReader(zip(pkt(want+" side-band-64k\n", "", "done\n")))), map[string]string{"Content-Type": contentType, "Content-Encoding": "gzip"})
	if res.StatusCode != 200 || !strings.HasPrefix(body, "0008NAK\n") || !strings.Contains(body, "\x01PACK") {
		t.Errorf("a good request: %d %.100q", res.StatusCode, body)
	}
	// The probe that git sends before a large request.
	if res, body := w.ask(http.MethodPost, "/repo.git/git-upload-pack", strings.NewReader("0000"), map[string]string{"Content-Type": contentType}); res.StatusCode != 200 || body != "" {
		t.Errorf("a probe: %d %q", res.StatusCode, body)
	}
}

func TestDepthAndFilterFailClearly(t *testing.T) {
	f := newFleet(t)
	w := f.wiki(f.owner, "notes", true)
	w.save(map[string]string{"Home.md": "1"})
	if out, err := f.run(".", "clone", "--depth=1", w.url(), filepath.Join(t.TempDir(), "x")); err == nil || !strings.Contains(out, "shallow") {
		t.Errorf("depth: %v %s", err, out)
	}
	// git itself falls back to a full clone when the server knows no filters.
	dir := filepath.Join(t.TempDir(), "x")
	f.must(".", "clone", "-q", "--filter=blob:none", w.url(), dir)
	w.whole(dir)
}
