package wiki_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/event"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki/wikitest"
	"wikibot.io/services/wiki"
)

func newService(t *testing.T) (*wikitest.House, *wiki.Service) {
	t.Helper()
	h := wikitest.New(t)
	hosts, err := web.NewHosts("http://wikibot.localhost")
	if err != nil {
		t.Fatal(err)
	}
	s, err := wiki.New(wiki.Deps{Engine: h.Engine, Gate: identity.Gate{Records: h.Records}, Hosts: hosts, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return h, s
}

// bare makes a wiki whose event has not been delivered yet.
func bare(t *testing.T, h *wikitest.House, slug string) string {
	t.Helper()
	id := events.NewID(time.Now())
	_, err := h.Records.CreateWiki(t.Context(), records.NewWiki{
		ID: id, Slug: slug, Name: slug, OwnerID: h.Owner.ID, Public: true, MaxWikis: 100, CreatedAt: time.Now(),
		Token: records.Token{ID: events.NewID(time.Now()), Hash: "hash-of-" + id, WikiID: id, UserID: h.Owner.ID, Name: "default", Role: records.Editor, CreatedAt: time.Now()},
		Actor: &events.Actor{UserId: h.Owner.ID},
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func get(s *wiki.Service, url string) int {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code
}

// Whoever opens a new wiki before its event was delivered finds its first pages.
func TestFirstVisitorDoesNotWaitForTheEvent(t *testing.T) {
	h, s := newService(t)
	id := bare(t, h, "notes")
	if code := get(s, "http://notes.wikibot.localhost/"); code != http.StatusOK {
		t.Errorf("the home page of a new wiki: status %d", code)
	}
	head := h.Now(t, id).Head
	deliver(t, s, "wiki.bootstrap", id)
	if now := h.Now(t, id).Head; head == "" || now != head {
		t.Errorf("the event moved the head from %q to %q", head, now)
	}
	h.Check(t, id)
}

func TestRestAndPagesShareAHost(t *testing.T) {
	h, s := newService(t)
	bare(t, h, "notes")
	for path, want := range map[string]int{"/": 200, "/api/v1/pages": 200, "/api/v1/nothing": 404, "/api": 404} {
		if code := get(s, "http://notes.wikibot.localhost"+path); code != want {
			t.Errorf("%s: status %d, want %d", path, code, want)
		}
	}
}

// Events are delivered at least once, in any order, also after the wiki is gone.
func TestEventsMayComeTwiceAndLate(t *testing.T) {
	h, s := newService(t)
	id := bare(t, h, "notes")
	for range 2 {
		deliver(t, s, "wiki.bootstrap", id)
	}
	h.Check(t, id)
	if err := h.Records.DeleteWiki(t.Context(), id, &events.Actor{}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		deliver(t, s, "wiki.removal", id)
		deliver(t, s, "wiki.bootstrap", id)
	}
	if _, err := h.Git.Repo(t.Context(), id); !fault.Is(err, fault.NotFound) {
		t.Errorf("the repository of a deleted wiki: %v, want not found", err)
	}
}

func deliver(t *testing.T, s *wiki.Service, name, wikiID string) {
	t.Helper()
	for _, sub := range s.Subscriptions() {
		if sub.Name == name {
			if err := event.Handler(sub.Handle)(t.Context(), &eventsv1.Envelope{WikiId: wikiID}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return
		}
	}
	t.Fatalf("no subscription %q", name)
}
