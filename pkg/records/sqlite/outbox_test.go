package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/event"
	"wikibot.io/pkg/records/sqlite"
)

// ids returns wiki and subscription of each delivery, in order.
func ids(ds []event.Delivery) (out []string) {
	for _, d := range ds {
		out = append(out, d.WikiID+" "+d.Subscription)
	}
	return out
}

func TestOutbox(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	s := open(t, path, sqlite.Options{})
	fill(t, s, 3)
	ctx := t.Context()
	now := time.Now()
	select {
	case <-s.Wake():
	default:
		t.Error("events were stored and nobody was woken")
	}

	routes := map[events.Type][]string{events.WikiCreated: {"a", "b"}}
	for _, want := range []int{3, 1, 0} { // one user and three wikis, in threes
		if n, err := s.FanOut(ctx, routes, 3); err != nil || n != want {
			t.Fatalf("fan out: %d, %v; want %d", n, err, want)
		}
	}
	if n := len(outbox(t, path)); n != 3 {
		t.Errorf("%d events kept; the one that nobody listens to should be gone", n)
	}
	due := func(want ...string) []event.Delivery {
		t.Helper()
		ds, err := s.Due(ctx, "a", nil, now, 10)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, ids(ds)); diff != "" {
			t.Errorf("due (-want +got):\n%s", diff)
		}
		return ds
	}
	all := due("w0 a", "w1 a", "w2 a")
	if ds, err := s.Due(ctx, "a", []string{"w0"}, now, 1); err != nil || len(ds) != 1 || ds[0].WikiID != "w1" {
		t.Errorf("one but not of w0: %v, %v", ids(ds), err)
	}
	if env, err := events.Unmarshal(all[0].Body); err != nil || env.Id != all[0].EventID || !env.Time.AsTime().Equal(all[0].Since) {
		t.Errorf("body of a delivery: %v, %v", env, err)
	}

	// The event stays until its last delivery is done; doing one twice is harmless.
	for range 2 {
		if err := s.Done(ctx, all[0].Key); err != nil {
			t.Fatal(err)
		}
	}
	due("w1 a", "w2 a")
	if n := len(outbox(t, path)); n != 3 {
		t.Errorf("%d events kept; b has not had its first", n)
	}
	if err := s.Done(ctx, event.Key{EventID: all[0].EventID, Subscription: "b"}); err != nil {
		t.Fatal(err)
	}
	if n := len(outbox(t, path)); n != 2 {
		t.Errorf("%d events kept; the first is done", n)
	}

	if err := s.Retry(ctx, all[1].Key, now.Add(time.Minute), "not now"); err != nil {
		t.Fatal(err)
	}
	if err := s.Bury(ctx, all[2].Key, "never"); err != nil {
		t.Fatal(err)
	}
	due()
	now = now.Add(time.Minute)
	if ds := due("w1 a"); ds[0].Attempts != 1 {
		t.Errorf("attempts %d after one failure", ds[0].Attempts)
	}

	dead, err := s.DeadLetters(ctx, event.Key{}, 10)
	if err != nil || len(dead) != 1 || dead[0].Key != all[2].Key || dead[0].Reason != "never" || dead[0].Attempts != 1 {
		t.Fatalf("dead letters %+v, %v", dead, err)
	}
	if more, err := s.DeadLetters(ctx, dead[0].Key, 10); err != nil || len(more) != 0 {
		t.Errorf("dead letters after the last: %v, %v", more, err)
	}
	if counts, err := s.Unclaimed(ctx, []string{"a"}); err != nil || cmp.Diff(map[string]int{"b": 2}, counts) != "" {
		t.Errorf("unclaimed: %v, %v", counts, err)
	}
	now = now.Add(time.Second)
	for _, want := range []int{1, 0} {
		if n, err := s.Redrive(ctx, now, dead[0].Key, all[1].Key); err != nil || n != want {
			t.Errorf("redrive: %d, %v; want %d", n, err, want)
		}
	}
	if scans, err := sqlite.Scans(s); err != nil || len(scans) != 1 { // Unclaimed, once in a while
		t.Errorf("queries that walk a whole table: %v, %v", scans, err)
	}
	if ds := due("w1 a", "w2 a"); ds[1].Attempts != 0 || !ds[1].Since.Equal(now) {
		t.Errorf("redriven delivery: %+v", ds[1])
	}
}
