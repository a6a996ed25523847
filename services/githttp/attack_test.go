package githttp_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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

// refused is a request that gets no pack.
type refused struct {
	why, body, encoding string
	status              int
	says                string
}

// refuses sends what is wrong, in a version of the protocol.
func (w *wiki) refuses(version string, table []refused) {
	w.t.Helper()
	for _, c := range table {
		header := map[string]string{"Content-Type": contentType, "Git-Protocol": "version=" + version}
		sent := c.body
		if c.encoding == "gzip" {
			sent = gzipped(sent)
		}
		header["Content-Encoding"] = strings.TrimPrefix(c.encoding, "not ")
		res, body := w.ask(http.MethodPost, "/repo.git/git-upload-pack", strings.NewReader(sent), header)
		if res.StatusCode != c.status || !strings.Contains(body, c.says) || strings.Contains(body, "PACK") {
			w.t.Errorf("%s: %d %.200q, want %d with %q", c.why, res.StatusCode, body, c.status, c.says)
		}
	}
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.wiki(f.owner, "notes", true)
	w.save(map[string]string{"Home.md": "1"})
	want := "want " + w.Head
	unknown := strings.Repeat("ab", 20)
	endless := pkt(want+"\n", "") + strings.Repeat(pkt("have "+unknown+"\n"), 70_000)
	w.refuses("0", []refused{
		{"no packet", "hello world", "", 400, "malformed"},
		{"length below its own four digits", "0003", "", 400, "malformed"},
		{"length beyond the protocol's", "fff5" + strings.Repeat("x", 65525), "", 400, "malformed"},
		{"length beyond the body", "0040want", "", 400, "malformed"},
		{"negative length", "-001want", "", 400, "malformed"},
		{"ends within the wants", pkt(want + "\n"), "", 400, "malformed"},
		{"ends within the haves", pkt(want+"\n", "", "have "+unknown+"\n"), "", 400, "malformed"},
		{"a delimiter of version 2", pkt(want+"\n") + "0001", "", 400, "unknown packet"},
		{"id that is none", pkt("want HEAD\n", ""), "", 400, "malformed"},
		{"an option in place of an id", pkt("want --upload-pack=x\n", ""), "", 400, "malformed"},
		{"unknown verb", pkt("please "+w.Head, ""), "", 400, "unknown line"},
		{"unknown verb later", pkt(want+"\n", "", "please\n"), "", 400, "unknown line"},
		{"a malformed have", pkt(want+"\n", "", "have x\n"), "", 400, "malformed have"},
		{"a commit that is not ours", pkt("want "+unknown+"\n", "", "done\n"), "", 200, "ERR upload-pack: not our ref " + unknown},
		{"one that is, and one that is not", pkt(want+"\n", "want "+unknown+"\n", "", "done\n"), "", 200, "ERR upload-pack: not our ref " + unknown},
		{"no depth", pkt(want+"\n", "deepen 0\n", ""), "", 400, "depth"},
		{"negative depth", pkt(want+"\n", "deepen -1\n", ""), "", 400, "depth"},
		{"a depth that is too large for git", pkt(want+"\n", "deepen 2147483648\n", ""), "", 400, "depth"},
		{"a time before all others", pkt(want+"\n", "deepen-since 0\n", ""), "", 400, "time"},
		{"a time that no number holds", pkt(want+"\n", "deepen-since 99999999999999999999\n", ""), "", 400, "time"},
		{"a malformed edge", pkt(want+"\n", "shallow HEAD\n", ""), "", 400, "shallow"},
		{"depth and time", pkt(want+"\n", "deepen 1\n", "deepen-since 1\n", "", "done\n"), "", 200, "ERR deepen and deepen-since"},
		{"a branch that is not there", pkt(want+"\n", "deepen-not refs/heads/secret\n", "", "done\n"), "", 200, "ERR shallow-exclude"},
		{"an option in place of a branch", pkt(want+"\n", "deepen-not --all\n", "", "done\n"), "", 200, "ERR shallow-exclude"},
		{"a commit of somebody else", pkt(want+"\n", "deepen-not "+unknown+"\n", "", "done\n"), "", 200, "ERR shallow-exclude"},
		{"everything left out", pkt(want+"\n", "deepen-not main\n", "", "done\n"), "", 200, "ERR "},
		{"branches without end", pkt(want+"\n") + strings.Repeat(pkt("deepen-not main\n"), 1000), "", 413, "more than"},
		{"limits without a want", pkt("deepen 1\n", "", "done\n"), "", 400, "without a want"},
		{"a filter that was not announced", pkt(want+"\n", "filter blob:none\n", ""), "", 400, "not announced"},
		{"two filters", pkt(want+" filter\n", "filter blob:none\n", "filter tree:0\n", ""), "", 400, "more than one"},
		{"a filter that reads a page", pkt(want+" filter\n", "filter sparse:oid=main:Home.md\n", "", "done\n"), "", 200, "ERR filter"},
		{"filters of filters", pkt(want+" filter\n", "filter combine:tree:1+combine:tree:2+blob:none\n", "", "done\n"), "", 200, "ERR filter"},
		{"a filter that is none", pkt(want+" filter\n", "filter tree:-1\n", "", "done\n"), "", 200, "ERR filter"},
		{"endless wants", strings.Repeat(pkt(want+"\n"), 201_000), "gzip", 413, "more than"},
		{"endless haves", endless, "", 413, "more than"},
		{"endless haves, compressed", endless, "gzip", 413, "more than"},
		{"an endless edge", pkt(want+"\n") + strings.Repeat(pkt("shallow "+unknown+"\n"), 70_000), "gzip", 413, "more than"},
		{"gzip bomb", pkt(want+"\n") + strings.Repeat(pkt("deepen 1"), 2<<20), "gzip", 413, "larger"},
		{"a body without end", pkt(want+"\n") + strings.Repeat(pkt("deepen 1"), 1<<20), "", 413, "larger"},
		{"gzip that is none", "hello", "not gzip", 400, "gzip"},
		{"another compression", "hello", "br", 400, "gzip"},
		{"two compressions", "hello", "gzip, gzip", 400, "gzip"},
	})
	res, _ := w.ask(http.MethodPost, "/repo.git/git-upload-pack", strings.NewReader(pkt(want+"\n", "", "done\n")), map[string]string{"Content-Type": "text/plain"})
	if res.StatusCode != 400 {
		t.Errorf("a form of another site: %d", res.StatusCode)
	}
	// Chunked, gzipped and right: a pack comes back.
	res, body := w.ask(http.MethodPost, "/repo.git/git-upload-pack", io.MultiReader(strings.NewReader(gzipped(pkt(want+" side-band-64k\n", "", "done\n")))), map[string]string{"Content-Type": contentType, "Content-Encoding": "gzip"})
	if res.StatusCode != 200 || !strings.HasPrefix(body, "0008NAK\n") || !strings.Contains(body, "\x01PACK") {
		t.Errorf("a good request: %d %.100q", res.StatusCode, body)
	}
}

func TestMalformedCommandsAreRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.wiki(f.owner, "notes", true)
	w.save(map[string]string{"Home.md": "1"})
	empty := f.wiki(f.owner, "empty", true)
	private := f.wiki(f.user("eve"), "secret", false)
	private.save(map[string]string{"Home.md": "secret"})
	want, unknown := "want "+w.Head, strings.Repeat("ab", 20)
	w.refuses("2", []refused{
		{"no packet", "hello world", "", 400, "malformed"},
		{"ends within the command", pkt("command=ls-refs\n"), "", 400, "malformed"},
		{"ends within the arguments", pkt("command=ls-refs\n") + "0001" + pkt("peel\n"), "", 400, "malformed"},
		{"no command", pkt("agent=x\n", ""), "", 400, "no command"},
		{"no command, with arguments", pkt("agent=x\n") + "0001" + pkt("peel\n", ""), "", 400, "no command"},
		{"a delimiter alone", "0001" + "0000", "", 400, "no command"},
		{"an answer's end", "0002", "", 400, "unknown packet"},
		{"a command without a name", pkt("command=\n", ""), "", 400, "no command"},
		{"two commands", pkt("command=ls-refs\n", "command=fetch\n", ""), "", 400, "more than one"},
		{"an unknown command", pkt("command=push\n", ""), "", 400, "unknown command"},
		{"a command of which there is nothing to tell", pkt("command=bundle-uri\n", ""), "", 400, "unknown command"},
		{"an unknown capability", pkt("command=ls-refs\n", "shiny=1\n", ""), "", 400, "unknown capability"},
		{"another hash", pkt("command=ls-refs\n", "object-format=sha256\n", ""), "", 200, "ERR mismatched object format"},
		{"a second delimiter", pkt("command=ls-refs\n") + "0001" + pkt("peel\n") + "0001" + pkt("peel\n", ""), "", 400, "unknown packet"},
		{"an unknown argument", command2("ls-refs", "shiny"), "", 400, "unknown argument"},
		{"an unknown argument of fetch", command2("fetch", want, "shiny", "done"), "", 400, "unknown argument"},
		{"what is not on offer", command2("fetch", want, "sideband-all", "done"), "", 400, "unknown argument"},
		{"packs from elsewhere", command2("fetch", want, "packfile-uris https", "done"), "", 400, "unknown argument"},
		{"an unknown argument of object-info", command2("object-info", "type"), "", 400, "unknown argument"},
		{"an id that is none", command2("fetch", "want HEAD"), "", 400, "malformed want"},
		{"an oid that is none", command2("object-info", "size", "oid HEAD"), "", 400, "malformed oid"},
		{"a commit that is not ours", command2("fetch", "want "+unknown, "done"), "", 200, "ERR upload-pack: not our ref " + unknown},
		{"a commit of another wiki", command2("fetch", "want "+private.Head, "done"), "", 200, "ERR upload-pack: not our ref " + private.Head},
		{"the size of another wiki's commit", command2("object-info", "size", "oid "+private.Head), "", 200, private.Head + " 0000"},
		{"a ref that is not there", command2("fetch", "want-ref refs/heads/secret", "done"), "", 200, "ERR unknown ref"},
		{"a ref by half its name", command2("fetch", "want-ref main", "done"), "", 200, "ERR unknown ref"},
		{"a path in place of a ref", command2("fetch", "want-ref ../../config", "done"), "", 200, "ERR unknown ref"},
		{"a ref twice", command2("fetch", "want-ref HEAD", "want-ref HEAD", "done"), "", 200, "ERR duplicate"},
		{"negotiation of nothing, to the end", command2("fetch", "wait-for-done", "have "+w.Head, "done"), "", 200, "ERR nothing is wanted"},
		{"depth and branch", command2("fetch", want, "deepen 1", "deepen-not main", "done"), "", 200, "ERR deepen and"},
		{"no depth", command2("fetch", want, "deepen 0", "done"), "", 400, "depth"},
		{"a filter that reads a page", command2("fetch", want, "filter sparse:oid=main:Home.md", "done"), "", 200, "ERR filter"},
		{"endless haves", pkt("command=fetch\n") + "0001" + strings.Repeat(pkt("have "+unknown+"\n"), 70_000), "gzip", 413, "more than"},
		{"endless wants", pkt("command=fetch\n") + "0001" + strings.Repeat(pkt(want+"\n"), 201_000), "gzip", 413, "more than"},
		{"endless sizes", pkt("command=object-info\n") + "0001" + strings.Repeat(pkt("oid "+unknown+"\n"), 20_000), "gzip", 413, "more than"},
		{"gzip bomb", pkt("command=fetch\n") + "0001" + strings.Repeat(pkt("no-progress\n"), 2<<20), "gzip", 413, "larger"},
		{"a bomb of capabilities", pkt("command=fetch\n") + strings.Repeat(pkt("server-option="+strings.Repeat("x", 60_000)), 300), "gzip", 413, "larger"},
	})
	empty.refuses("2", []refused{
		{"something of nothing", command2("fetch", want, "done"), "", 200, "ERR upload-pack: not our ref"},
		{"nothing by name", command2("fetch", "want-ref refs/heads/main", "done"), "", 200, "ERR unknown ref"},
		{"negotiation about nothing", command2("fetch", "wait-for-done", "have "+unknown), "", 200, "acknowledgments"},
		{"sizes of nothing", command2("object-info", "size", "oid "+unknown), "", 200, unknown + " 0000"},
	})
	// More prefixes than git minds are as good as none.
	many := pkt("command=ls-refs\n") + "0001" + strings.Repeat(pkt("ref-prefix refs/tags/\n"), 64<<10) + "0000"
	res, body := w.ask(http.MethodPost, "/repo.git/git-upload-pack", strings.NewReader(gzipped(many)), map[string]string{"Content-Type": contentType, "Content-Encoding": "gzip", "Git-Protocol": "version=2"})
	if res.StatusCode != 200 || !strings.Contains(body, "refs/heads/main") {
		t.Errorf("many prefixes: %d %.100q", res.StatusCode, body)
	}
}

// Partial clones name thousands of blobs at once, some of them more than once.
func TestManyWantsAreOneQuestion(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.wiki(f.owner, "notes", true)
	files := map[string]string{}
	for i := range 2000 {
		files[fmt.Sprintf("page %d.md", i)] = fmt.Sprint(i)
	}
	w.save(files)
	blobs := strings.Fields(f.must(filepath.Join(f.dir, w.ID, "repo.git"), "ls-tree", "--object-only", "main"))
	var wants []string
	for range 50 {
		for _, id := range blobs {
			wants = append(wants, "want "+id)
		}
	}
	res, body := w.ask(http.MethodPost, "/repo.git/git-upload-pack", strings.NewReader(gzipped(command2("fetch", append(wants, "filter blob:none", "done")...))),
		map[string]string{"Content-Type": contentType, "Content-Encoding": "gzip", "Git-Protocol": "version=2"})
	_, pack := w.read(t, body)
	if res.StatusCode != 200 || len(pack) == 0 {
		t.Fatalf("%d %.200q", res.StatusCode, body)
	}
	if d := cmp.Diff(len(blobs), len(w.objectsOf(t, pack))); d != "" {
		t.Error(d)
	}
}

// A client waits with its body until it has been let in (RFC 9110 section 10.1.1).
func TestBodiesAreAskedForAfterTheGate(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.wiki(f.owner, "notes", false)
	w.save(map[string]string{"Home.md": "1"})
	for token, want := range map[string]string{"": "HTTP/1.1 401 ", w.token: "HTTP/1.1 100 "} {
		c, err := net.Dial("tcp", f.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body := command2("ls-refs")
		fmt.Fprintf(c, "POST /repo.git/git-upload-pack HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nGit-Protocol: version=2\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n",
			strings.TrimPrefix(w.hosts.Wiki("notes", ""), "http://"), token, contentType, len(body))
		in := bufio.NewReader(c)
		if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, want) {
			t.Errorf("with token %q: %q %v", token, line, err)
		}
		if token != "" {
			_, _ = in.ReadString('\n')
			fmt.Fprint(c, body)
			if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200 ") {
				t.Errorf("after the body: %q %v", line, err)
			}
		}
		_ = c.Close()
	}
}

// Git access that is switched off is off for all who may read the wiki, and tells
// strangers nothing.
func TestGitSwitchedOff(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	public, private := f.wiki(f.owner, "open", true), f.wiki(f.owner, "secret", false)
	off := true
	for _, w := range []*wiki{public, private} {
		w.save(map[string]string{"Home.md": "1"})
		w.folds()
		var err error
		if w.Wiki, err = f.records.UpdateWiki(t.Context(), w.ID, records.WikiChange{GitOff: &off}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/repo.git/info/refs?service=git-upload-pack", "/repo.git/info/refs?service=git-receive-pack", "/repo.git/git-upload-pack", "/repo.git/git-receive-pack", "/repo.git/HEAD", "/repo.git/bundle/" + public.BasePacks[0] + ".bundle"} {
		method := http.MethodGet
		if strings.HasSuffix(path, "-pack") && !strings.Contains(path, "?") {
			method = http.MethodPost
		}
		for why, c := range map[string]struct {
			w      *wiki
			token  string
			status int
		}{
			"a reader": {public, "", 403}, "the owner": {private, private.token, 403}, "a stranger": {private, "", 401}, "another wiki's token": {private, public.token, 404},
		} {
			header := map[string]string{}
			if c.token != "" {
				header["Authorization"] = "Bearer " + c.token
			}
			res, body := c.w.ask(method, path, nil, header)
			if res.StatusCode != c.status || strings.Contains(body, "switched off") != (c.status == 403) {
				t.Errorf("%s: %s %s: %d %s", why, method, path, res.StatusCode, body)
			}
		}
	}
	if out, err := f.run(".", "clone", public.url(), filepath.Join(t.TempDir(), "x")); err == nil || !strings.Contains(out, "git access is switched off") {
		t.Errorf("git says %v %s", err, out)
	}
}
