package githttp_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wikibot.io/pkg/records"
)

// bundle is the path of the bundle of a wiki's lowest base.
func (w *wiki) bundle() string { return "/repo.git/bundle/" + w.BasePacks[0] + ".bundle" }

// A clone takes the bulk from the bundle and asks for the rest alone.
func TestCloneWithABundle(t *testing.T) {
	t.Parallel()
	f := newFleetOffering(t, 1<<10)
	w := folded(f)
	_, list := w.ask(http.MethodPost, "/repo.git/git-upload-pack", strings.NewReader(command2("bundle-uri")), map[string]string{"Content-Type": contentType, "Git-Protocol": "version=2"})
	uri := w.hosts.Wiki(w.Slug, w.bundle())
	if want := pkt("bundle.version=1\n", "bundle.mode=all\n", "bundle."+w.BasePacks[0]+".uri="+uri+"\n", ""); list != want {
		t.Fatalf("the list is %q, want %q", list, want)
	}
	for _, version := range []string{"0", "2"} {
		dir := filepath.Join(t.TempDir(), "clone")
		f.must(".", "-c", "protocol.version="+version, "clone", "-q", "--bundle-uri="+uri, w.url(), dir)
		w.whole(dir)
		tip := strings.TrimSpace(f.must(dir, "rev-parse", "refs/bundles/main"))
		if got := strings.TrimSpace(f.must(dir, "rev-list", "--count", tip)); got != "40" {
			t.Errorf("the bundle brought %s commits", got)
		}
		// What came from the server is a pack of its own.
		since := strings.Count(f.must(dir, "rev-list", "--objects", "HEAD", "^"+tip), "\n")
		packs, err := filepath.Glob(filepath.Join(dir, ".git", "objects", "pack", "*.idx"))
		if err != nil {
			t.Fatal(err)
		}
		fetched := objects(f, dir) - strings.Count(f.must(dir, "rev-list", "--objects", tip), "\n")
		if fetched > since+since/4 || len(packs) > 2 {
			t.Errorf("version %s: %d objects came from the server in %d packs, of %d that were needed", version, fetched, len(packs), since)
		}
	}
	// The file is whole in git's eyes, also when it came in parts.
	path := filepath.Join(t.TempDir(), "x.bundle")
	res, first := w.ask(http.MethodGet, w.bundle(), nil, map[string]string{"Range": "bytes=0-999"})
	if res.StatusCode != http.StatusPartialContent || len(first) != 1000 {
		t.Fatalf("the first part: %d, %d bytes", res.StatusCode, len(first))
	}
	res, rest := w.ask(http.MethodGet, w.bundle(), nil, map[string]string{"Range": "bytes=1000-", "If-Range": res.Header.Get("Etag")})
	if res.StatusCode != http.StatusPartialContent {
		t.Fatalf("the other part: %d", res.StatusCode)
	}
	if err := os.WriteFile(path, []byte(first+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	f.must(filepath.Join(f.dir, w.ID, "repo.git"), "bundle", "verify", path)
}

// Who may read a bundle, and what a shared cache may do with it.
func TestBundlesBehindTheGate(t *testing.T) {
	t.Parallel()
	f := newFleetOffering(t, 1<<10)
	public, private := f.wiki(f.owner, "open", true), f.wiki(f.owner, "secret", false)
	for _, w := range []*wiki{public, private} {
		w.imports(10)
		w.folds()
	}
	other := f.wiki(f.user("eve"), "other", true)
	const shared, alone = "public, max-age=0, must-revalidate", "private, no-store"
	etag := `"` + public.BasePacks[0] + `"`
	for _, c := range []struct {
		why, method string
		w           *wiki
		path, token string
		ifNone      string
		status      int
		cache       string
		bytes       bool
	}{
		{"anybody", "GET", public, public.bundle(), "", "", 200, shared, true},
		{"the head alone", "HEAD", public, public.bundle(), "", "", 200, shared, false},
		{"a cache that asks again", "GET", public, public.bundle(), "", etag, 304, shared, false},
		{"somebody who is known", "GET", public, public.bundle(), public.token, "", 200, alone, true},
		{"a member", "GET", private, private.bundle(), private.token, "", 200, alone, true},
		{"a stranger", "GET", private, private.bundle(), "", "", 401, "", false},
		{"a stranger who has it in a cache", "GET", private, private.bundle(), "", etag, 401, "", false},
		{"a member of another wiki", "GET", private, private.bundle(), other.token, "", 404, "", false},
		{"another wiki's base", "GET", public, private.bundle(), "", "", 404, "", false},
		{"a base of a wiki that has none", "GET", other, public.bundle(), "", "", 404, "", false},
		{"a path to the pack", "GET", public, "/repo.git/bundle/../objects/pack/" + public.BasePacks[0] + ".pack", "", "", 404, "", false},
		{"a path within the name", "GET", public, "/repo.git/bundle/..%2f..%2fconfig.bundle", "", "", 404, "", false},
		{"without the ending", "GET", public, strings.TrimSuffix(public.bundle(), ".bundle"), "", "", 404, "", false},
		{"the folder", "GET", public, "/repo.git/bundle/", "", "", 404, "", false},
		{"another method", "POST", public, public.bundle(), "", "", 405, "", false},
	} {
		header := map[string]string{}
		if c.token != "" {
			header["Authorization"] = "Bearer " + c.token
		}
		if c.ifNone != "" {
			header["If-None-Match"] = c.ifNone
		}
		res, body := c.w.ask(c.method, c.path, nil, header)
		if res.StatusCode != c.status || strings.HasPrefix(body, "# v2 git bundle\n") != c.bytes {
			t.Errorf("%s: %d %.100q", c.why, res.StatusCode, body)
		}
		cache := res.Header.Get("Cache-Control")
		if c.cache != "" && cache != c.cache || c.cache == "" && (!strings.Contains(cache, "no-cache") || strings.Contains(cache, "public")) {
			t.Errorf("%s: Cache-Control %q", c.why, cache)
		}
		if c.status < 400 && (res.Header.Get("Expires") != "" || res.Header.Get("Etag") == "") {
			t.Errorf("%s: headers %v", c.why, res.Header)
		}
	}

	// A base that was replaced is gone, and a wiki that turned private is at once.
	old := public.bundle()
	public.saves(60)
	public.folds()
	if old == public.bundle() {
		t.Fatal("the base was not replaced, so the test would not see that it is gone")
	}
	if res, _ := public.ask(http.MethodGet, old, nil, map[string]string{"If-None-Match": etag}); res.StatusCode != http.StatusNotFound {
		t.Errorf("a base that was replaced: %d", res.StatusCode)
	}
	closed := false
	if _, err := f.records.UpdateWiki(t.Context(), public.ID, records.WikiChange{Public: &closed}, nil); err != nil {
		t.Fatal(err)
	}
	if res, _ := public.ask(http.MethodGet, public.bundle(), nil, map[string]string{"If-None-Match": `"` + public.BasePacks[0] + `"`}); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wiki that turned private: %d", res.StatusCode)
	}
}

// A bundle is offered where it is worth it, and where the client can fetch it.
func TestBundlesOnOffer(t *testing.T) {
	t.Parallel()
	large, small := newFleetOffering(t, 1<<10), newFleet(t)
	for _, c := range []struct {
		why     string
		f       *fleet
		public  bool
		folded  bool
		offered bool
		listed  bool
	}{
		{"large enough", large, true, true, true, true},
		{"too small, which only the store knows", small, true, true, true, false},
		{"private", large, false, true, false, false},
		{"no base yet", large, true, false, false, false},
	} {
		w := c.f.wiki(c.f.owner, strings.Fields(strings.ReplaceAll(c.why, ",", ""))[0], c.public)
		w.saves(10)
		if c.folded {
			w.folds()
		}
		header := map[string]string{"Content-Type": contentType, "Git-Protocol": "version=2", "Authorization": "Bearer " + w.token}
		if _, body := w.ask(http.MethodGet, "/repo.git/info/refs?service=git-upload-pack", nil, header); strings.Contains(body, "bundle-uri") != c.offered {
			t.Errorf("%s: the advertisement says %q", c.why, body)
		}
		if _, body := w.ask(http.MethodPost, "/repo.git/git-upload-pack", strings.NewReader(command2("bundle-uri")), header); strings.Contains(body, ".uri=") != c.listed {
			t.Errorf("%s: the list is %q", c.why, body)
		}
	}
}
