package rehearsal_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/chaos"
)

// While AWS throttles, fails, loses answers, delivers twice and out of order,
// every save that was acknowledged is there afterwards, at every door; what was
// refused was refused with 503 and Retry-After (see acknowledged).
func TestStormLosesNothingAcknowledged(t *testing.T) {
	r := start(t)
	v := signUp(t, r, "ada", false)
	storm := rehearsal.Storm
	if err := r.SetWeather(storm); err != nil {
		t.Fatal(err)
	}
	b := write(t, v.Slug, func(ctx context.Context, path, text string) bool { return acknowledged(ctx, t, v, path, text) })
	if err := r.SetWeather(rehearsal.Weather{}); err != nil {
		t.Fatal(err)
	}
	settle(t, r)
	holds(t, r, v, b)
	failed := 0
	for _, c := range r.Meter().Counts() {
		failed += c.Failed
	}
	counters := r.Bus(r.Buses()[0]).Counters()
	if failed < 20 || counters.Duplicated == 0 {
		t.Errorf("%d calls failed and %d deliveries were made twice: the weather was too fair to show anything", failed, counters.Duplicated)
	}
	t.Logf("%d pages; %d calls failed on purpose; bus: %+v", len(b.pages), failed, counters)
}

// write lets four writers loose for a while.
func write(t *testing.T, name string, save func(ctx context.Context, path, text string) bool) *book {
	t.Helper()
	var b book
	var writers sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for w := range 4 {
		writers.Go(func() {
			for n := range 8 {
				path, text := fmt.Sprintf("%s %d/Page %d", name, w, n), fmt.Sprintf("by %d, save %d", w, n)
				if !save(ctx, path, text) {
					if !t.Failed() {
						t.Errorf("save %s was never acknowledged", path)
					}
					return
				}
				b.note(path, text)
			}
		})
	}
	writers.Wait()
	return &b
}

// When the tables cannot be reached at all, a write is refused as temporary and
// nothing of it is there afterwards.
func TestUnreachableTablesRefuseWrites(t *testing.T) {
	r := start(t)
	v := signUp(t, r, "ada", false)
	if a, err := v.Save(t.Context(), "Before", "before"); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("save: %d, %v", a.Status, err)
	}
	for _, c := range []struct {
		why   string
		rates chaos.Rates
	}{
		{"throttled", chaos.Rates{Throttle: 1}},
		{"failing", chaos.Rates{Fail: 1}},
	} {
		if err := r.SetWeather(rehearsal.Weather{DynamoDB: c.rates}); err != nil {
			t.Fatal(err)
		}
		var visits sync.WaitGroup // at once, since each is tried for seconds
		for door, attempt := range map[string]func() (int, http.Header, string){
			"REST": func() (int, http.Header, string) {
				a, err := v.Save(t.Context(), "During", "during")
				return a.Status, a.Header, fmt.Sprint(err, string(a.Body))
			},
			"browser": func() (int, http.Header, string) {
				a, err := v.View(t.Context(), "Before")
				return a.Status, a.Header, fmt.Sprint(err, string(a.Body))
			},
			"MCP": func() (int, http.Header, string) {
				a, err := v.Tool(t.Context(), "write_note", map[string]any{"path": "During", "content": "during"})
				return a.Status, a.Header, fmt.Sprint(err, string(a.Body))
			},
		} {
			visits.Go(func() {
				if status, header, said := attempt(); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
					t.Errorf("%s, tables %s: status %d, Retry-After %q, want 503 and one: %.300s", door, c.why, status, header.Get("Retry-After"), said)
				}
			})
		}
		visits.Wait()
	}
	if err := r.SetWeather(rehearsal.Weather{}); err != nil {
		t.Fatal(err)
	}
	if text, err := v.Read(t.Context(), "During"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("what was refused is there: %q, %v", text, err)
	}
	b := &book{}
	b.note("Before", "before")
	holds(t, r, v, b)
}

// The file system is slow, and one operation in fifty fails.
func TestFailingFilesLoseNothingAcknowledged(t *testing.T) {
	r := start(t, func(o *rehearsal.Options) { o.FileDelay = 2 * time.Millisecond })
	v := signUp(t, r, "ada", false)
	settle(t, r)
	if err := r.SetWeather(rehearsal.Weather{Files: 0.02}); err != nil {
		t.Fatal(err)
	}
	b := write(t, v.Slug, func(ctx context.Context, path, text string) bool { return acknowledged(ctx, t, v, path, text) })
	if err := r.SetWeather(rehearsal.Weather{}); err != nil {
		t.Fatal(err)
	}
	settle(t, r)
	holds(t, r, v, b)
	if n := r.Function("wiki").FileOperations()["write"]; n == 0 {
		t.Error("no operation was counted; that shows nothing")
	}
}

// Hosts fail in the middle of writes. Whatever was acknowledged is there.
func TestKilledFunctionsLoseNothingAcknowledged(t *testing.T) {
	r := start(t)
	v := signUp(t, r, "ada", false)
	landed := make(chan struct{}, 1)
	var killer sync.WaitGroup
	killed := 0
	killer.Go(func() {
		// Each time that a save was acknowledged, while others are under way.
		for range landed {
			<-time.After(time.Duration(rand.IntN(60)) * time.Millisecond) // any moment will do
			killed += r.Kill()
		}
	})
	b := write(t, v.Slug, func(ctx context.Context, path, text string) bool {
		if !acknowledged(ctx, t, v, path, text) {
			return false
		}
		select {
		case landed <- struct{}{}:
		default:
		}
		return true
	})
	close(landed)
	killer.Wait()
	settle(t, r)
	holds(t, r, v, b)
	if killed < 5 {
		t.Errorf("only %d processes were killed; that shows nothing", killed)
	}
	t.Logf("%d pages over %d killed processes", len(b.pages), killed)
}
