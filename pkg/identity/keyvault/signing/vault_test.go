package signing_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keyvault/signing"
)

// TestFreshStart: whatever comes first makes the first key, and all agree on it.
func TestFreshStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why   string
		value *string
		first func(context.Context, *process) error
	}{
		{"a sign-in", aws.String(placeholder), func(ctx context.Context, p *process) error { _, err := p.SigningKey(ctx); return err }},
		{"a look at the public keys", aws.String(placeholder), func(ctx context.Context, p *process) error { _, err := p.PublicKeys(ctx); return err }},
		{"the schedule", aws.String(placeholder), func(ctx context.Context, p *process) error { return p.Rotate(ctx) }},
		{"an empty object", aws.String("{}"), func(ctx context.Context, p *process) error { return p.Rotate(ctx) }},
		{"an empty text", aws.String(" \n"), func(ctx context.Context, p *process) error { return p.Rotate(ctx) }},
		{"a template's leftovers", aws.String(`{"keys":[],"unused":"x"}`), func(ctx context.Context, p *process) error { return p.Rotate(ctx) }},
		{"a secret that never had a value", nil, func(ctx context.Context, p *process) error { return p.Rotate(ctx) }},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := newWorld(t)
			w.secret = w.secrets.Create("another")
			if c.value != nil {
				w.secrets.Put(w.secret, *c.value)
			}
			if _, err := w.public(t).PublicKeys(t.Context()); !fault.Is(err, fault.Unavailable) {
				t.Errorf("before there is any key: %v, want unavailable", err)
			}
			p := w.process(t)
			if err := c.first(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{p.kid(t)}, w.published(t)); diff != "" {
				t.Errorf("published (-want +got):\n%s", diff)
			}
			if again := w.process(t).kid(t); again != p.kid(t) {
				t.Errorf("another process signs with %s, want %s", again, p.kid(t))
			}
			w.mustWork(t)
			if err := w.process(t).Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.mustBeTidy(t)
		})
	}
}

// TestFreshStartRace: many processes find nothing at once.
func TestFreshStartRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kids := make([]string, 8)
	var all sync.WaitGroup
	for i := range kids {
		p := w.process(t)
		all.Go(func() {
			key, err := p.SigningKey(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			kids[i] = key.KeyID()
		})
	}
	all.Wait()
	if got := slices.Compact(slices.Clone(kids)); len(got) != 1 || !slices.Equal(got, w.published(t)) {
		t.Errorf("they sign with %v, and %v is published", kids, w.published(t))
	}
	if err := w.process(t).Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.mustBeTidy(t)
}

// TestLifeOfAKey follows one through its stations.
func TestLifeOfAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.process(t)
	first := p.kid(t)
	step := func(pass time.Duration, signs string, published ...string) {
		t.Helper()
		w.pass(pass)
		if err := p.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(published, w.published(t)); diff != "" {
			t.Errorf("published (-want +got):\n%s", diff)
		}
		for why, p := range map[string]*process{"a process that runs": p, "one that starts": w.process(t)} {
			if got := p.kid(t); got != signs {
				t.Errorf("%s signs with %s, want %s", why, got, signs)
			}
		}
		w.mustBeTidy(t)
	}
	step(0, first, first)
	step(maxAge-time.Minute, first, first)
	w.pass(time.Minute)
	if err := p.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := w.published(t)[0]
	if second == first {
		t.Fatal("no second key")
	}
	step(0, first, second, first)
	step(59*time.Minute, first, second, first)
	step(time.Minute, second, second, first) // an hour after it was published
	step(48*time.Hour-time.Second, second, second, first)
	step(time.Second, second, second) // nothing that the first key signed can be alive
}

// TestRotateNow: a person begins a rotation, which goes the way of all others: an
// hour passes before the new key signs, and another one is not begun meanwhile.
func TestRotateNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.process(t)
	first := p.kid(t)
	begin := func() []string {
		t.Helper()
		if err := p.RotateNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		return w.published(t)
	}
	published := begin()
	if len(published) != 2 || published[1] != first || w.process(t).kid(t) != first {
		t.Fatalf("published %v, want a new key beside %s, which signs still", published, first)
	}
	w.pass(time.Hour - time.Second)
	if diff := cmp.Diff(published, begin()); diff != "" {
		t.Errorf("begun twice (-want +got):\n%s", diff)
	}
	w.pass(time.Second)
	if got := p.kid(t); got != published[0] {
		t.Errorf("after an hour %s signs, want %s", got, published[0])
	}
	if got := begin(); len(got) != 3 {
		t.Errorf("published %v, want a third key", got)
	}
	w.mustBeTidy(t)
}

// TestSchedules: the names that the clock and operators call.
func TestSchedules(t *testing.T) {
	got := slices.Sorted(maps.Keys(newWorld(t).process(t).Schedules()))
	if diff := cmp.Diff([]string{"begin-rotation", "replace-keys", "rotate-keys"}, got); diff != "" {
		t.Errorf("schedules (-want +got):\n%s", diff)
	}
}

// TestLongestSession: a process that read the keys just before there was a new
// one, and nothing since, signs with the old one for as long as it may. Its last
// session can be verified to its end, with runs as often as can be.
func TestLongestSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.process(t).kid(t)
	w.pass(maxAge)
	p := w.process(t)
	p.kid(t)
	p.wire.broken = func(int, string, bool) bool { return true }
	var ends time.Time
	for range 60 * 2 {
		if err := w.process(t).Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if key, err := p.SigningKey(t.Context()); err == nil && key.KeyID() == first {
			ends = w.clock().Add(identity.SessionLifetime)
		}
		if w.clock().Before(ends) && !slices.Contains(w.published(t), first) {
			t.Fatalf("the key is gone %v before the end of a session", ends.Sub(w.clock()))
		}
		w.pass(30 * time.Minute)
	}
	if slices.Contains(w.published(t), first) {
		t.Error("the key is never forgotten")
	}
}

// TestRotateRace: of many runs at once, one makes a key.
func TestRotateRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.process(t).kid(t)
	w.pass(maxAge)
	var all sync.WaitGroup
	for range 6 {
		p := w.process(t)
		all.Go(func() {
			if err := p.Rotate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := w.published(t); len(got) != 2 || got[1] != first {
		t.Errorf("published %v, want one new key beside %s", got, first)
	}
	w.mustBeTidy(t)
}

// TestCached: a process reads rarely, and survives an outage of hours, not days.
func TestCached(t *testing.T) {
	w := newWorld(t)
	p := w.process(t)
	p.kid(t)
	before := p.wire.calls.Load()
	for range 100 {
		p.kid(t)
	}
	if got := p.wire.calls.Load(); got != before {
		t.Errorf("%d calls for keys that are fresh", got-before)
	}
	w.pass(6 * time.Minute)
	p.kid(t)
	if got := p.wire.calls.Load(); got != before+1 {
		t.Errorf("%d calls to see that nothing changed, want 1", got-before)
	}
	p.wire.broken = func(int, string, bool) bool { return true }
	w.pass(5 * time.Hour)
	p.kid(t)
	tried := p.wire.calls.Load()
	p.kid(t)
	if got := p.wire.calls.Load(); got != tried {
		t.Error("the second request waits for what just failed as well")
	}
	w.pass(time.Hour + time.Minute)
	if _, err := p.SigningKey(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("after six hours: %v, want unavailable", err)
	}
	p.wire.broken = nil
	w.pass(3 * time.Second)
	p.kid(t)
}

// TestNewVaultNeedsAll lists what is missing.
func TestNewVaultNeedsAll(t *testing.T) {
	if _, err := signing.NewVault(signing.Options{}); err == nil {
		t.Error("made a vault of nothing")
	}
}
