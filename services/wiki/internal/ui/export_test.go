package ui_test

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/gitstore/gitstoretest"
	"wikibot.io/pkg/records"
)

// repoOf is where plain git finds a wiki.
func (s *site) repoOf(w records.Wiki) string { return filepath.Join(s.Git.Dir(w.ID), "repo.git") }

// unzipped reads an archive, by name.
func unzipped(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := files[f.Name]; twice {
			t.Errorf("%s is in it twice", f.Name)
		}
		files[f.Name] = string(content)
	}
	return files
}

// archived is what git itself says is in the head's tree.
func (s *site) archived(w records.Wiki) map[string]string {
	s.t.Helper()
	files := map[string]string{}
	for name := range strings.SplitSeq(gitstoretest.Git(s.t, s.repoOf(w), "ls-tree", "-r", "-z", "--name-only", w.Head), "\x00") {
		if name != "" {
			files[name] = gitstoretest.Git(s.t, s.repoOf(w), "show", w.Head+":"+name)
		}
	}
	return files
}

// TestExportIsTheTree: what plain git has at the head, the zip has, whichever
// program unpacks it.
func TestExportIsTheTree(t *testing.T) {
	s := newSite(t)
	s.save(s.open, "Guides/Über uns", "", "# Über uns\n\nGrüße\n")
	s.plant(s.open, map[string]string{
		"Guides/Über uns/plan.png": "\x89PNG\x00\xff" + strings.Repeat("x", 5000), "a/b/c/d.txt": "deep\n", "empty.md": "", "large.csv": strings.Repeat("1,2,3\n", 300_000),
	})
	w := s.Now(t, s.open.ID)
	a := s.get("viewer", "open", "/-/export.zip").want(http.StatusOK)
	for name, want := range map[string]string{
		"Content-Type": "application/zip", "Etag": `"` + w.Head + `"`, "Cache-Control": "private, no-cache",
		"Content-Disposition": "attachment; filename=open-" + w.Head[:12] + ".zip",
	} {
		if got := a.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	want := s.archived(w)
	if diff := cmp.Diff(want, unzipped(t, a.Body.Bytes())); diff != "" {
		t.Errorf("(-git +zip):\n%s", diff)
	}
	if len(want) < 5 {
		t.Errorf("only %d files were compared", len(want))
	}

	dir := t.TempDir()
	file := filepath.Join(dir, "wiki.zip")
	s.must(os.WriteFile(file, a.Body.Bytes(), 0o600))
	for _, args := range [][]string{{"-tq", file}, {"-q", file, "-d", filepath.Join(dir, "out")}} {
		cmd := exec.Command("unzip", args...)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("unzip %v: %v\n%s", args, err, out)
		}
	}
	for name, content := range want {
		got, err := os.ReadFile(filepath.Join(dir, "out", name))
		if err != nil || string(got) != content {
			t.Errorf("%s on the disk: %v, %d bytes, want %d", name, err, len(got), len(content))
		}
	}
}

// TestExportIsTheSameForTheSameHead, until something is saved.
func TestExportIsTheSameForTheSameHead(t *testing.T) {
	s := newSite(t)
	first := s.get("owner", "closed", "/-/export.zip").want(http.StatusOK)
	again := s.get("viewer", "closed", "/-/export.zip").want(http.StatusOK)
	if !bytes.Equal(first.Body.Bytes(), again.Body.Bytes()) {
		t.Error("two exports of one head differ")
	}
	etag := first.Header().Get("Etag")
	if got := s.get("owner", "closed", "/-/export.zip", "If-None-Match", etag).want(http.StatusNotModified); got.Body.Len() != 0 {
		t.Errorf("not modified, but %d bytes", got.Body.Len())
	}
	if head := s.do("owner", http.MethodHead, "closed", "/-/export.zip", nil).want(http.StatusOK); head.Body.Len() != 0 || head.Header().Get("Etag") != etag {
		t.Errorf("HEAD: %d bytes, %v", head.Body.Len(), head.Header())
	}
	s.save(s.closed, "More", "", "more\n")
	if next := s.get("owner", "closed", "/-/export.zip", "If-None-Match", etag).want(http.StatusOK); next.Header().Get("Etag") == etag {
		t.Error("another head has the same etag")
	}
}

// TestWhoMayExport: whoever may read, if they say who they are.
func TestWhoMayExport(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		as, slug string
		status   int
	}{
		{"anonymous", "open", 303}, {"anonymous", "closed", 303}, {"anonymous", "missing", 303},
		{"stranger", "open", 200}, {"stranger", "closed", 404}, {"stranger", "missing", 404},
		{"foreign token", "open", 200}, {"foreign token", "closed", 404},
		{"viewer", "open", 200}, {"viewer", "closed", 200}, {"editor", "closed", 200}, {"owner", "closed", 200},
	} {
		a := s.get(c.as, c.slug, "/-/export.zip")
		if a.Code != c.status {
			t.Errorf("%s exports %s: status %d, want %d", c.as, c.slug, a.Code, c.status)
		}
		if cc := a.Header().Get("Cache-Control"); strings.Contains(cc, "public") {
			t.Errorf("%s exports %s: a shared cache may keep it: %q", c.as, c.slug, cc)
		}
		if c.status == http.StatusSeeOther && !strings.Contains(a.Header().Get("Location"), "/auth/login?return_to=") {
			t.Errorf("%s is led to %q", c.as, a.Header().Get("Location"))
		}
	}
	// A program is told so, not led to a form.
	if a := s.get("anonymous", "open", "/-/export.zip", "Accept", "*/*").want(http.StatusUnauthorized); a.Header().Get("WWW-Authenticate") == "" {
		t.Error("no challenge")
	}
	s.get("owner", "open", "/-/export.zip/Home").want(http.StatusNotFound)
	s.post("owner", "open", "/-/export.zip", nil).want(http.StatusMethodNotAllowed)
}

// TestZipSlip (CWE-22): whatever names an import has brought, nothing in the
// archive leads out of the folder that it is unpacked in.
func TestZipSlip(t *testing.T) {
	s := newSite(t)
	s.plant(s.open, map[string]string{
		`..\..\evil.txt`: "1", `C:\evil.txt`: "2", "C:evil.txt": "3", "...": "4", "tab\there.txt": "5",
		"bad\xff.txt": "6", "folder/C:fine.txt": "7", "fine: too.md": "8", ".. ./x.txt": "9",
	})
	got := unzipped(t, s.get("owner", "open", "/-/export.zip").want(http.StatusOK).Body.Bytes())
	for name, content := range map[string]string{
		`..%5C..%5Cevil.txt`: "1", `C%3A%5Cevil.txt`: "2", "C%3Aevil.txt": "3", "%2E%2E%2E": "4", "tab%09here.txt": "5",
		"bad%FF.txt": "6", "folder/C:fine.txt": "7", "fine: too.md": "8", "%2E%2E%20%2E/x.txt": "9",
	} {
		if got[name] != content {
			t.Errorf("%q holds %q, want %q", name, got[name], content)
		}
	}
	for name := range got {
		if strings.ContainsAny(name, "\\\x00") || !filepath.IsLocal(name) {
			t.Errorf("%q leads elsewhere", name)
		}
	}
	if t.Failed() {
		for name := range got {
			t.Logf("%q", name)
		}
	}
}
