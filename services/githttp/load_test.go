package githttp_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
)

// bulky is a wiki of 8 MiB that do not compress, most of it in a base.
func bulky(f *fleet) *wiki {
	f.t.Helper()
	w := f.wiki(f.owner, "big", true)
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range 4 {
		page := make([]byte, 2<<20)
		for j := range page {
			page[j] = byte(noise.Uint32())
		}
		w.save(map[string]string{fmt.Sprintf("big %d.bin", i): string(page)})
	}
	w.folds()
	w.save(map[string]string{"Home.md": "1"})
	return w
}

// counted is an answer of which only the length is kept.
type counted struct {
	header http.Header
	n      int
}

func (c *counted) Header() http.Header         { return c.header }
func (c *counted) WriteHeader(int)             {}
func (c *counted) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }

// However large a wiki is, a clone of it takes little memory, so that a few
// clients cannot take all there is (CWE-400).
func TestClonesTakeLittleMemory(t *testing.T) { // alone, since all that the process allocates is counted
	f := newFleet(t)
	w := bulky(f)
	clone := func() {
		r := httptest.NewRequest(http.MethodPost, w.hosts.Wiki("big", "/repo.git/git-upload-pack"), strings.NewReader(command2("fetch", "want "+w.Head, "done")))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Git-Protocol", "version=2")
		rec := &counted{header: http.Header{}}
		if w.server.Config.Handler.ServeHTTP(rec, r); rec.n < 8<<20 {
			t.Fatalf("a clone gives %d bytes", rec.n)
		}
	}
	clone() // opens the packs, plans the answer
	var before, after runtime.MemStats
	const clones = 8
	runtime.ReadMemStats(&before)
	for range clones {
		clone()
	}
	runtime.ReadMemStats(&after)
	// What is allocated in all is more than is ever held at once.
	if each := (after.TotalAlloc - before.TotalAlloc) / clones; each > 1<<20 {
		t.Errorf("a clone of 8 MiB allocates %d KiB", each>>10)
	}
}

// A client that goes away in the middle of a clone leaves nothing behind.
func TestAbortedClones(t *testing.T) {
	f := newFleet(t)
	w := bulky(f)
	whole := func() {
		res, body := w.ask(http.MethodPost, "/repo.git/git-upload-pack", strings.NewReader(command2("fetch", "want "+w.Head, "done")), map[string]string{"Content-Type": contentType, "Git-Protocol": "version=2"})
		if res.StatusCode != 200 || len(body) < 8<<20 {
			t.Fatalf("a clone gives %d and %d bytes", res.StatusCode, len(body))
		}
	}
	whole()
	before := openFiles(t, f.dir)
	for range 20 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.server.URL+"/repo.git/git-upload-pack", strings.NewReader(command2("fetch", "want "+w.Head, "done")))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = strings.TrimPrefix(w.hosts.Wiki("big", ""), "http://")
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Git-Protocol", "version=2")
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, res.Body, 100_000); err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close() // breaks the connection, since not all was read
	}
	whole()
	f.server.Close() // waits for every request to end
	if after := openFiles(t, f.dir); after > before {
		t.Errorf("%d files are open, %d before", after, before)
	}
	if strings.Contains(f.log(), "panic") {
		t.Error(f.log())
	}
}

// openFiles counts this process's open files below a folder.
func openFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		// The one that lists them is gone by now.
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(target, dir) {
			n++
		}
	}
	return n
}
