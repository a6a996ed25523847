package limit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/records/sqlite"
)

var signIn = limit.Rate{Name: "sign in", Max: 20, Window: time.Minute}

// newLimiter counts in a real database.
func newLimiter(t *testing.T) *limit.Limiter {
	t.Helper()
	store, err := sqlite.Open(t.TempDir()+"/records.db", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	l, err := limit.New(store, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestWindows: so often in a window, then not until it is over; others are not
// hindered, nor is the same one by what else they do.
func TestWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t)
		try := func(r limit.Rate, who string) error { return l.Allow(t.Context(), r, who) }
		time.Sleep(10 * time.Second) // the window began with the clock of this test
		for i := range 20 {
			if err := try(signIn, "192.0.2.1"); err != nil {
				t.Fatalf("time %d: %v", i+1, err)
			}
		}
		for range 3 {
			err := try(signIn, "192.0.2.1")
			e, _ := errors.AsType[*fault.Error](err)
			if !fault.Is(err, fault.TooMany) || e.RetryAfter != 50*time.Second {
				t.Errorf("once more: %+v, want too many for 50 s", e)
			}
		}
		if err := try(signIn, "192.0.2.2"); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		if err := try(limit.Rate{Name: "register", Max: 20, Window: time.Minute}, "192.0.2.1"); err != nil {
			t.Errorf("something else: %v", err)
		}
		time.Sleep(50*time.Second - 1)
		if err := try(signIn, "192.0.2.1"); !fault.Is(err, fault.TooMany) {
			t.Errorf("just before the end: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if err := try(signIn, "192.0.2.1"); err != nil {
			t.Errorf("in the next window: %v", err)
		}
	})
}

// TestRace: of many at once, exactly as many as may get through.
func TestRace(t *testing.T) {
	l := newLimiter(t)
	hour := limit.Rate{Name: "register", Max: 20, Window: time.Hour}
	var all sync.WaitGroup
	var mu sync.Mutex
	allowed := 0
	for range 50 {
		all.Go(func() {
			if l.Allow(t.Context(), hour, "192.0.2.1") == nil {
				mu.Lock()
				defer mu.Unlock()
				allowed++
			}
		})
	}
	all.Wait()
	if allowed != 20 && allowed != 40 { // 40 if the hour was full just then
		t.Errorf("%d of 50 were let through, want 20", allowed)
	}
}

// broken cannot count.
type broken struct{ keys []string }

func (b *broken) Count(_ context.Context, key string, _ time.Duration, _ time.Time) (int64, error) {
	b.keys = append(b.keys, key)
	return 0, errors.New("the disk is full")
}

// TestNobodyCounts: they are let in, and the log says so, without saying who. But
// who hangs up to keep from being counted is not.
func TestNobodyCounts(t *testing.T) {
	var log bytes.Buffer
	l, err := limit.New(&broken{}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Allow(t.Context(), signIn, "192.0.2.1"); err != nil {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "sign in") || !strings.Contains(log.String(), "the disk is full") || strings.Contains(log.String(), "192.0.2.1") {
		t.Errorf("the log says %q", &log)
	}
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	if err := l.Allow(gone, signIn, "192.0.2.1"); err == nil {
		t.Error("who hangs up gets through uncounted")
	}
}

// TestHandler: 429 with Retry-After, in the words of the door.
func TestHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t)
		ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		twice := limit.Rate{Name: "sign in", Max: 2, Window: time.Minute}
		plain := l.Handler(twice, ok, nil)
		own := l.Handler(twice, ok, func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "slow down: "+err.Error(), http.StatusTooManyRequests)
		})
		get := func(h http.Handler, from string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/auth/login", nil)
			r.RemoteAddr = from
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		for _, c := range []struct {
			from string
			h    http.Handler
			want int
			says string
		}{
			{"192.0.2.1:1000", plain, 204, ""},
			{"192.0.2.1:2000", plain, 204, ""},
			{"192.0.2.1:3000", plain, 429, `"detail":"sign in: that was too often: wait a moment"`},
			{"192.0.2.1:3000", own, 429, "slow down"},
			{"[2001:db8::1]:1", plain, 204, ""},
			{"[2001:db8::2]:1", plain, 204, ""},
			{"[2001:db8::3]:1", plain, 429, ""}, // a subscriber who changes addresses
			{"[2001:db8:0:1::1]:1", plain, 204, ""},
		} {
			w := get(c.h, c.from)
			if w.Code != c.want || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("%s: %d %s, want %d %s", c.from, w.Code, w.Body, c.want, c.says)
			}
			if c.want == 429 && c.says != "slow down" && w.Header().Get("Retry-After") != "60" {
				t.Errorf("%s: Retry-After %q", c.from, w.Header().Get("Retry-After"))
			}
		}
	})
}

func TestAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:443":                    "192.0.2.1",
		"192.0.2.1":                        "192.0.2.1",
		"[::ffff:192.0.2.1]:443":           "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:443":       "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff:ffff:ffff:ffff": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:443":               "fe80::/64",
		"":                                 "unknown",
		"localhost:80":                     "unknown",
		"192.0.2.1, 203.0.113.9":           "unknown", // what somebody claims is no address
	} {
		if got := limit.Address(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("%q: %q, want %q", remote, got, want)
		}
	}
}

func TestNewNeedsAll(t *testing.T) {
	if _, err := limit.New(nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("made a limiter that cannot count")
	}
	if _, err := limit.New(&broken{}, nil); err == nil {
		t.Error("made a limiter that cannot log")
	}
}
