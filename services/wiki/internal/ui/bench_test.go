package ui_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki/wikitest"
	"wikibot.io/services/wiki/internal/ui"
)

// discard is a client that reads as fast as the server writes.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkWarmView is a page view without the network: the gate's reads and
// the finished bytes.
func BenchmarkWarmView(b *testing.B) {
	h := wikitest.Open(b, b.TempDir())
	defer h.Index.Close()
	defer h.Records.Close()
	if err := h.Records.CreateUser(b.Context(), h.Owner, records.Identity{Provider: "dev", Subject: "ada"}); err != nil {
		b.Fatal(err)
	}
	h.Make(b, "notes")
	hosts, err := web.NewHosts("http://wikibot.localhost")
	if err != nil {
		b.Fatal(err)
	}
	pages, err := ui.New(ui.Deps{Engine: h.Engine, Gate: identity.Gate{Records: h.Records}, Hosts: hosts})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("GET", "http://notes.wikibot.localhost/", nil)
	r = r.WithContext(identity.With(r.Context(), principals["owner"]))
	b.ReportAllocs()
	for b.Loop() {
		pages.ServeHTTP(discard{http.Header{}}, r)
	}
}
