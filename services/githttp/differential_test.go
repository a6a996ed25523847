package githttp_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/gitstore/gitstoretest"
)

// read takes an answer apart: one line for each packet, what came in bands apart.
// Lines of which the protocol leaves the order open are sorted.
func (w *wiki) read(t *testing.T, answer string) (lines []string, pack []byte) {
	t.Helper()
	banded := false
	for at := 0; at < len(answer); {
		if strings.HasPrefix(answer[at:], "PACK") { // no bands
			return lines, []byte(answer[at:])
		}
		if at+4 > len(answer) {
			t.Fatalf("the answer ends with %q", answer[at:])
		}
		n, err := strconv.ParseUint(answer[at:at+4], 16, 32)
		if err != nil || n == 3 || int(n) > len(answer)-at {
			t.Fatalf("packet %.20q at %d", answer[at:], at)
		}
		if n < 4 {
			if at += 4; n != 0 || !banded {
				lines = append(lines, []string{"flush", "delim", "end"}[n])
			}
			continue
		}
		body := answer[at+4 : at+int(n)]
		at += int(n)
		switch {
		case body[0] == 1:
			banded = true
			pack = append(pack, body[1:]...)
		case body[0] == 2: // what git counts is not what is counted here
		default:
			lines = append(lines, strings.TrimSuffix(body, "\n"))
		}
	}
	for i := range lines {
		if strings.HasPrefix(lines[i], "agent=") {
			lines[i] = "agent"
		}
	}
	// The edge of a shallow clone has no order.
	isEdge := func(s string) bool { return strings.HasPrefix(s, "shallow ") || strings.HasPrefix(s, "unshallow ") }
	for from := 0; from < len(lines); from++ {
		to := from
		for to < len(lines) && isEdge(lines[to]) {
			to++
		}
		if slices.Sort(lines[from:to]); to > from {
			from = to
		}
	}
	return lines, pack
}

// objectsOf lists what is in a pack, with git's own eyes. Deltas may build on what
// the repository has.
func (w *wiki) objectsOf(t *testing.T, pack []byte) []string {
	t.Helper()
	if pack == nil {
		return nil
	}
	dir := t.TempDir()
	w.must(dir, "init", "-q", "--bare")
	cmd := exec.Command("git", "index-pack", "--stdin", "--fix-thin")
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(pack)
	cmd.Env = append(gitstoretest.Env(), "GIT_ALTERNATE_OBJECT_DIRECTORIES="+filepath.Join(w.dir, w.ID, "repo.git", "objects"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git index-pack: %v %s", err, out)
	}
	ids := strings.Fields(w.must(dir, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)", "--unordered"))
	slices.Sort(ids)
	return slices.Compact(ids)
}

// both sends one request here and to git's own server.
func (w *wiki) both(t *testing.T, reference, path, version, body string) (ours, git string) {
	t.Helper()
	header := map[string]string{"Git-Protocol": "version=" + version}
	method := http.MethodGet
	if strings.HasSuffix(path, "-pack") && !strings.Contains(path, "?") {
		method, header["Content-Type"] = http.MethodPost, contentType
	}
	res, ours := w.ask(method, "/repo.git"+path, strings.NewReader(body), header)
	req, err := http.NewRequestWithContext(t.Context(), method, reference+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	theirs, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Body.Close()
	b, err := io.ReadAll(theirs.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != theirs.StatusCode || res.Header.Get("Content-Type") != theirs.Header.Get("Content-Type") || res.Header.Get("Content-Encoding") != "" {
		t.Errorf("status %d, headers %v; git's own server %d, %v", res.StatusCode, res.Header, theirs.StatusCode, theirs.Header)
	}
	return ours, string(b)
}

// The same bytes of a request get the same lines, and a pack of the same objects.
func TestAnswersAreThoseOfGitsOwnServer(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := folded(f)
	empty := f.wiki(f.owner, "empty", true)
	if _, err := f.git.Create(t.Context(), empty.ID); err != nil {
		t.Fatal(err)
	}
	root := backend(f, f.dir, refInWant)
	source := w.source(t)
	rev := func(name string) string { return strings.TrimSpace(f.must(source, "rev-parse", name)) }
	head, unknown := w.Head, strings.Repeat("ab", 20)
	blob, tree := rev("main:Home.md"), rev("main~20^{tree}")
	caps := "multi_ack_detailed no-done side-band-64k thin-pack no-progress include-tag ofs-delta deepen-since deepen-not agent=git/2.39.5"
	want := func(id, caps string) string { return strings.TrimSuffix("want "+id+" "+caps, " ") + "\n" }
	since := "deepen-since " + strings.TrimSpace(f.must(source, "log", "-1", "--format=%ct", "main~5")) + "\n"
	v0 := func(lines ...string) request { return request{"/git-upload-pack", "0", pkt(lines...)} }
	v2 := func(command string, args ...string) request {
		return request{"/git-upload-pack", "2", command2(command, args...)}
	}
	for _, c := range []struct {
		why string
		request
		of *wiki
	}{
		{"a clone", v0(want(head, caps), "", "done\n"), w},
		{"without bands", v0(want(head, "ofs-delta"), "", "done\n"), w},
		{"narrow bands", v0(want(head, "side-band ofs-delta no-progress"), "", "done\n"), w},
		{"an empty request", v0(), w},
		{"a probe", v0(""), w},
		{"nothing behind the wants", v0(want(head, caps), ""), w},
		{"an old commit", v0(want(rev("main~30"), caps), "", "done\n"), w},
		{"two commits", v0(want(rev("main~30"), caps), want(rev("main~25"), ""), "", "done\n"), w},
		{"a tree and a blob", v0(want(tree, caps), want(blob, ""), "", "done\n"), w},
		{"common at once", v0(want(head, caps), "", "have "+rev("main~3")+"\n", ""), w},
		{"common, and asked for more", v0(want(head, strings.Replace(caps, "no-done ", "", 1)), "", "have "+rev("main~3")+"\n", ""), w},
		{"common, with multi_ack", v0(want(head, "multi_ack side-band-64k"), "", "have "+rev("main~3")+"\n", "have "+unknown+"\n", ""), w},
		{"common, without any of it", v0(want(head, "side-band-64k"), "", "have "+rev("main~3")+"\n", "have "+rev("main~5")+"\n", "done\n"), w},
		{"common, then strangers", v0(want(head, caps), "", "have "+rev("main~3")+"\n", "have "+unknown+"\n", ""), w},
		{"strangers, then common", v0(want(head, caps), "", "have "+unknown+"\n", "have "+rev("main~3")+"\n", ""), w},
		{"strangers alone", v0(want(head, caps), "", "have "+unknown+"\n", ""), w},
		{"strangers to the end", v0(want(head, caps), "", "have "+unknown+"\n", "done\n"), w},
		{"newer than wanted", v0(want(rev("main~9"), caps), "", "have "+rev("main~3")+"\n", ""), w},
		{"all of it", v0(want(head, caps), "", "have "+head+"\n", ""), w},
		{"the same twice", v0(want(head, caps), "", "have "+rev("main~3")+"\n", "have "+rev("main~3")+"\n", "done\n"), w},
		{"an edge, alone", v0(want(head, caps), "deepen 3\n", ""), w},
		{"an edge, and the pack", v0(want(head, caps), "deepen 3\n", "", "done\n"), w},
		{"an edge by time", v0(want(head, caps), since, "", "done\n"), w},
		{"an edge that moves", v0(want(head, caps), "shallow "+rev("main~2")+"\n", "deepen 5\n", "", "have "+head+"\n", "done\n"), w},
		{"an edge that moves on from where it is", v0(want(head, caps+" deepen-relative"), "shallow "+rev("main~2")+"\n", "deepen 2\n", "", "have "+head+"\n", "done\n"), w},
		{"no edge any more", v0(want(head, caps), "shallow "+rev("main~2")+"\n", "deepen 2147483647\n", "", "have "+head+"\n", "done\n"), w},
		{"a fetch into a shallow clone", v0(want(head, caps), "shallow "+rev("main~5")+"\n", "", "have "+rev("main~2")+"\n", "done\n"), w},
		{"an edge that nobody knows", v0(want(head, caps), "shallow "+unknown+"\n", "", "done\n"), w},
		{"no blobs", v0(want(head, caps+" filter"), "filter blob:none\n", "", "done\n"), w},
		{"no trees", v0(want(head, caps+" filter"), "filter tree:0\n", "", "done\n"), w},
		{"small blobs, and a large one by name", v0(want(head, caps+" filter"), want(blob, ""), "filter blob:limit=100\n", "", "done\n"), w},

		{"listing", v2("ls-refs"), w},
		{"listing with all there is", v2("ls-refs", "peel", "symrefs", "unborn"), w},
		{"listing by prefix", v2("ls-refs", "symrefs", "ref-prefix refs/heads/", "ref-prefix refs/tags/"), w},
		{"listing of something else", v2("ls-refs", "ref-prefix refs/notes/"), w},
		{"listing of a part of a name", v2("ls-refs", "ref-prefix refs/heads/ma", "ref-prefix HE"), w},
		{"listing of nothing", v2("ls-refs", "peel", "symrefs", "unborn"), empty},
		{"listing of nothing, as of old", v2("ls-refs", "peel", "symrefs"), empty},
		{"listing of nothing, by prefix", v2("ls-refs", "symrefs", "unborn", "ref-prefix refs/heads/"), empty},
		{"an empty request", request{"/git-upload-pack", "2", ""}, w},
		{"a probe", request{"/git-upload-pack", "2", "0000"}, w},
		{"several keys in the header", request{"/git-upload-pack", "1:some=thing:version=2", v2("ls-refs").body}, w},
		{"nothing wanted", v2("fetch", "done"), w},
		{"a clone", v2("fetch", "thin-pack", "no-progress", "include-tag", "ofs-delta", "want "+head, "done"), w},
		{"a clone without done", v2("fetch", "no-progress", "want "+head), w},
		{"a clone by name", v2("fetch", "no-progress", "want-ref refs/heads/main", "done"), w},
		{"common at once", v2("fetch", "no-progress", "want "+head, "have "+rev("main~3")), w},
		{"common and strangers", v2("fetch", "no-progress", "want "+head, "have "+unknown, "have "+rev("main~3"), "have "+rev("main~7")), w},
		{"strangers", v2("fetch", "no-progress", "want "+head, "have "+unknown), w},
		{"strangers to the end", v2("fetch", "no-progress", "want "+head, "have "+unknown, "done"), w},
		{"newer than wanted", v2("fetch", "no-progress", "want "+rev("main~9"), "have "+rev("main~3")), w},
		{"not enough for one of two", v2("fetch", "no-progress", "want "+rev("main~20"), "want "+head, "have "+rev("main~9")), w},
		{"in no hurry", v2("fetch", "no-progress", "wait-for-done", "want "+head, "have "+rev("main~3")), w},
		{"negotiation alone", v2("fetch", "wait-for-done", "have "+rev("main~3"), "have "+unknown), w},
		{"an edge", v2("fetch", "no-progress", "deepen 3", "want "+head, "done"), w},
		{"an edge by time", v2("fetch", "no-progress", strings.TrimSpace(since), "want "+head, "done"), w},
		{"an edge that moves", v2("fetch", "no-progress", "shallow "+rev("main~2"), "deepen 5", "want "+head, "have "+head, "done"), w},
		{"an edge that moves on from where it is", v2("fetch", "no-progress", "shallow "+rev("main~2"), "deepen 2", "deepen-relative", "want "+head, "have "+head, "done"), w},
		{"an edge that moves after a round", v2("fetch", "no-progress", "shallow "+rev("main~2"), "deepen 5", "want "+head, "have "+head), w},
		{"no edge any more", v2("fetch", "no-progress", "shallow "+rev("main~2"), "deepen 2147483647", "want "+head, "have "+head, "done"), w},
		{"a fetch into a shallow clone", v2("fetch", "no-progress", "shallow "+rev("main~5"), "want "+head, "have "+rev("main~2"), "done"), w},
		{"no blobs", v2("fetch", "no-progress", "filter blob:none", "want "+head, "done"), w},
		{"no blobs, but one by name", v2("fetch", "no-progress", "filter blob:none", "want "+blob, "done"), w},
		{"small blobs", v2("fetch", "no-progress", "filter blob:limit=1k", "want "+head, "done"), w},
		{"two levels of trees", v2("fetch", "no-progress", "filter tree:2", "want "+head, "done"), w},
		{"a tree by name, of which one level", v2("fetch", "no-progress", "filter tree:1", "want "+tree, "done"), w},
		{"no blobs, and an edge", v2("fetch", "no-progress", "filter blob:none", "deepen 1", "want "+head, "done"), w},
		{"sizes", v2("object-info", "size", "oid "+blob, "oid "+tree, "oid "+head), w},
		{"sizes of what is not there", v2("object-info", "size", "oid "+unknown), w},
		{"sizes of nothing", v2("object-info", "size"), w},
	} {
		t.Run("version "+c.version+", "+c.why, func(t *testing.T) {
			ours, git := c.of.both(t, root+"/"+c.of.ID+"/repo.git", c.path, c.version, c.body)
			lines, pack := c.of.read(t, ours)
			wantLines, wantPack := c.of.read(t, git)
			if d := cmp.Diff(wantLines, lines); d != "" {
				t.Errorf("lines: %s", d)
			}
			got, want := c.of.objectsOf(t, pack), c.of.objectsOf(t, wantPack)
			if len(ids(c.body, "have"))+len(ids(c.body, "shallow")) == 0 {
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("objects: %s", d)
				}
				return
			}
			// Git guesses what the client has from the trees at the edge, and so sends
			// some of it again; other guesses are as good.
			if (pack == nil) != (wantPack == nil) || len(got) > len(want)+len(want)/4+5 {
				t.Errorf("%d objects, where git's own server sends %d", len(got), len(want))
			}
			if pack != nil {
				for _, id := range c.of.needed(t, c.body, lines) {
					if _, ok := slices.BinarySearch(got, id); !ok {
						t.Errorf("object %s is missing", id)
					}
				}
			}
		})
	}
}

// needed computes, with git's own eyes, what a client lacks after it was told lines.
func (w *wiki) needed(t *testing.T, body string, lines []string) []string {
	t.Helper()
	before := ids(body, "shallow")
	had := w.reachable(t, ids(body, "have"), before)
	after := slices.Concat(before, ids(strings.Join(lines, "\n"), "shallow"))
	for _, id := range ids(strings.Join(lines, "\n"), "unshallow") {
		after = slices.DeleteFunc(after, func(s string) bool { return s == id })
	}
	has := w.reachable(t, slices.Concat(ids(body, "want"), ids(body, "have")), after)
	return slices.DeleteFunc(has, func(id string) bool { _, ok := slices.BinarySearch(had, id); return ok })
}

// reachable lists what a client has that has these commits, with that edge.
func (w *wiki) reachable(t *testing.T, commits, edge names) []string {
	t.Helper()
	dir := t.TempDir()
	w.must(dir, "init", "-q", "--bare")
	objects := filepath.Join(w.dir, w.ID, "repo.git", "objects") + "\n"
	for name, text := range map[string]string{"objects/info/alternates": objects, "shallow": strings.Join(edge, "\n")} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found := strings.Fields(w.must(dir, append([]string{"rev-list", "--ignore-missing", "--objects", "--no-object-names"}, commits...)...))
	slices.Sort(found)
	return found
}

// names are ids in hex.
type names []string

// ids finds the lines of a kind.
func ids(text, verb string) (found names) {
	for _, m := range regexp.MustCompile(`(?:^|[^a-z-])`+verb+` ([0-9a-f]{40})`).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// request is one POST.
type request struct{ path, version, body string }

// What each version is told that there is.
func TestAdvertisementsAreThoseOfGitsOwnServer(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := smallPacks(f)
	empty := f.wiki(f.owner, "empty", true)
	if _, err := f.git.Create(t.Context(), empty.ID); err != nil {
		t.Fatal(err)
	}
	root := backend(f, f.dir, refInWant)
	for _, w := range []*wiki{w, empty} {
		for _, version := range []string{"0", "1", "2"} {
			ours, git := w.both(t, root+"/"+w.ID+"/repo.git", "/info/refs?service=git-upload-pack", version, "")
			lines, _ := w.read(t, ours)
			want, _ := w.read(t, git)
			if w.Head == "" && version != "2" {
				// Without any ref git 2.39 names no capabilities, for which clients other
				// than git fail; later ones do.
				lines = slices.DeleteFunc(lines, func(s string) bool { return strings.HasPrefix(s, "000000000") })
			}
			for i := range lines {
				lines[i] = words(lines[i])
			}
			for i := range want {
				want[i] = words(want[i])
			}
			if d := cmp.Diff(want, lines); d != "" {
				t.Errorf("%s, version %s: %s", w.Slug, version, d)
			}
		}
	}
}

// words sorts the capabilities behind a ref.
func words(line string) string {
	ref, caps, ok := strings.Cut(line, "\x00")
	if !ok {
		return line
	}
	var kept []string
	for c := range strings.FieldsSeq(caps) {
		if !strings.HasPrefix(c, "agent=") {
			kept = append(kept, c)
		}
	}
	slices.Sort(kept)
	return ref + " " + strings.Join(kept, " ")
}

// gzipped is what git makes of a long request.
func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, s) // a buffer takes everything
	_ = z.Close()
	return b.String()
}

// command2 is a request of version 2.
func command2(command string, args ...string) string {
	var b strings.Builder
	b.WriteString(pkt("command="+command+"\n", "agent=git/2.39.5\n", "object-format=sha1\n"))
	if args != nil {
		b.WriteString("0001")
	}
	for _, a := range args {
		b.WriteString(pkt(a + "\n"))
	}
	return b.String() + "0000"
}
