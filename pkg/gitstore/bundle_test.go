package gitstore

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"wikibot.io/pkg/fault"
)

func TestBundleOfTheLowestBase(t *testing.T) {
	w := newWorld(t, 3)
	for range 10 {
		w.step()
	}
	w.bases, w.tips = nil, nil
	if _, err := w.history(w.head()).Bundle(t.Context()); !fault.Is(err, fault.NotFound) {
		t.Errorf("without a base: %v", err)
	}
	w.consolidate(0)
	for range 10 {
		w.made = append(w.made, w.commit(w.head()))
	}
	w.consolidate(1)
	b, err := w.history(w.head()).Bundle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(b)
	if err != nil || int64(len(all)) != b.Size || b.Tip != w.tips[0] || b.Name != w.bases[0] {
		t.Errorf("read %d bytes of %d, tip %s of %s: %v", len(all), b.Size, b.Tip, b.Name, err)
	}
	file := filepath.Join(t.TempDir(), "wiki.bundle")
	if err := os.WriteFile(file, all, 0o644); err != nil {
		t.Fatal(err)
	}
	clone := t.TempDir()
	gitFed(t, clone, "", "clone", "-q", "--bare", file, ".")
	gitFed(t, clone, "", "fsck", "--strict")
	if got := gitFed(t, clone, "", "rev-parse", "main"); strings.TrimSpace(got) != b.Tip.String() {
		t.Errorf("the clone is of %s", got)
	}
	// Ranges, as clients ask for them who were cut off.
	if _, err := b.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(b, all); err != nil {
		t.Error(err)
	}
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("Range", "bytes=20-100")
	rec := httptest.NewRecorder()
	http.ServeContent(rec, req, "wiki.bundle", time.Time{}, b)
	if rec.Code != http.StatusPartialContent || !bytes.Equal(rec.Body.Bytes(), all[20:101]) {
		t.Errorf("%d, %q", rec.Code, rec.Body)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
