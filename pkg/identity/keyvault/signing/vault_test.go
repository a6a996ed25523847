package signing_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keyvault/signing"
)

// TestFreshStart: whatever comes first makes the first key, and all agree on it.
func TestFreshStart(t *testing.T) {
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
	step(24*time.Hour, second, second, first)
	step(7*time.Hour, second, second) // a session that the first key signed cannot be alive
}

// TestLongestSession: a process that read the keys just before there was a new
// one, and nothing since, signs with the old one for as long as it may. Its last
// session can be verified to its end, with runs as often as can be.
func TestLongestSession(t *testing.T) {
	w := newWorld(t)
	first := w.process(t).kid(t)
	w.pass(maxAge)
	p := w.process(t)
	p.kid(t)
	p.wire.broken = func(int, string, bool) bool { return true }
	var ends time.Time
	for range 40 * 2 {
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

// TestKilledAtAnyCall: a process dies before or after each call in turn. What is
// left works, and the next run completes it.
func TestKilledAtAnyCall(t *testing.T) {
	for why, prepare := range map[string]func(*testing.T, *world){
		"at the first key": func(*testing.T, *world) {},
		"at a rotation": func(t *testing.T, w *world) {
			if err := w.process(t).Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.pass(maxAge)
		},
		"at a retirement": func(t *testing.T, w *world) {
			for _, d := range []time.Duration{0, maxAge, 2 * 24 * time.Hour} {
				w.pass(d)
				if d != 2*24*time.Hour {
					if err := w.process(t).Rotate(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
		},
	} {
		t.Run(why, func(t *testing.T) {
			undisturbed := newWorld(t)
			prepare(t, undisturbed)
			p := undisturbed.process(t)
			if err := p.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			calls, want := int(p.wire.calls.Load()), len(undisturbed.published(t))
			if calls < 5 {
				t.Fatalf("a run makes %d calls", calls)
			}
			for at := 1; at <= calls; at++ {
				for _, after := range []bool{false, true} {
					w := newWorld(t)
					prepare(t, w)
					p := w.process(t)
					p.wire.broken = func(call int, _ string, isAfter bool) bool { return call > at || call == at && isAfter == after }
					// A read whose answer gets lost may be the last call, and some are made good.
					err := p.Rotate(t.Context())
					if err != nil && !errors.Is(err, errCut) {
						t.Errorf("call %d, after %v: %v", at, after, err)
					}
					w.mustWork(t)
					w.secrets.Sweep()
					w.mustWork(t)
					if err := w.process(t).Rotate(t.Context()); err != nil {
						t.Fatalf("call %d, after %v: the next run: %v", at, after, err)
					}
					if got := len(w.published(t)); got != want {
						t.Errorf("call %d, after %v: %d keys in the end, want %d", at, after, got, want)
					}
					w.mustBeTidy(t)
				}
			}
		})
	}
}

// TestLostAnswers: every call has its effect and its answer gets lost once; the
// SDK tries again.
func TestLostAnswers(t *testing.T) {
	w := newWorld(t)
	retrying := func() *process {
		wire := newWire(w)
		var mu sync.Mutex
		lost := map[string]bool{}
		wire.broken = func(_ int, operation string, after bool) bool {
			mu.Lock()
			defer mu.Unlock()
			if !after || lost[operation] {
				return false
			}
			lost[operation] = true
			return true
		}
		return w.processWith(t, wire, retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond }), w.clock)
	}
	for i, want := range []int{1, 2, 1} {
		if err := retrying().Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.published(t); len(got) != want {
			t.Errorf("run %d: published %v, want %d keys", i, got, want)
		}
		w.mustBeTidy(t)
		w.pass([]time.Duration{maxAge, 2 * 24 * time.Hour, 0}[i])
	}
}

// TestForeignSecret: what is not ours is neither used nor replaced, and the error
// repeats nothing of it.
func TestForeignSecret(t *testing.T) {
	for why, text := range map[string]string{
		"a password":               "hunter2-hunter2",
		"another service's secret": `{"api_key":"hunter2-hunter2"}`,
		"keys of another kind":     `{"keys":"hunter2-hunter2"}`,
		"null keys":                `{"keys":null,"x":"hunter2-hunter2"}`,
		"a list":                   `["hunter2-hunter2"]`,
		"a key that is none":       `{"keys":[{"kid":"a","jwk":"hunter2-hunter2"}]}`,
		"a symmetric key":          `{"keys":[{"kid":"a","jwk":{"kty":"oct","k":"hunter2-hunter2"}}]}`,
		"a public key":             `{"keys":[{"kid":"a","jwk":{"kty":"RSA","e":"AQAB","n":"hunter2-hunter2"}}]}`,
	} {
		t.Run(why, func(t *testing.T) {
			w := newWorld(t)
			w.secrets.Put(w.secret, text)
			before := w.secrets.Versions(w.secret)
			p := w.process(t)
			_, signErr := p.SigningKey(t.Context())
			rotateErr := w.process(t).Rotate(t.Context())
			if !fault.Is(signErr, fault.Unavailable) || rotateErr == nil {
				t.Fatalf("sign: %v, rotate: %v, want errors", signErr, rotateErr)
			}
			if strings.Contains(rotateErr.Error(), "hunter2") {
				t.Errorf("the error shows the secret: %v", rotateErr)
			}
			if !strings.Contains(rotateErr.Error(), "the secret of signing keys") {
				t.Errorf("the error does not say what is wrong: %v", rotateErr)
			}
			if diff := cmp.Diff(before, w.secrets.Versions(w.secret)); diff != "" {
				t.Errorf("the secret was changed (-before +after):\n%s", diff)
			}
			if _, err := w.public(t).PublicKeys(t.Context()); err == nil {
				t.Error("a key was published")
			}
			w.secrets.Put(w.secret, placeholder)
			w.mustWork(t)
		})
	}
}

// TestSomebodyOverwritesTheSecret: sign-in goes on, rotation too; the run fails so
// that somebody looks, and what they wrote stays.
func TestSomebodyOverwritesTheSecret(t *testing.T) {
	w := newWorld(t)
	if err := w.process(t).Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := w.published(t)[0]
	w.secrets.Put(w.secret, "hunter2")
	w.mustWork(t)
	w.pass(maxAge)
	if err := w.process(t).Rotate(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error that does not show it", err)
	}
	if got := w.published(t); len(got) != 2 || got[1] != first {
		t.Errorf("published %v, want a new key beside %s", got, first)
	}
	if text, _ := w.secrets.Value(w.secret); text != "hunter2" {
		t.Error("it was overwritten")
	}
	w.secrets.Sweep()
	w.mustWork(t)
}

// TestTableLost: the item is published again from the secret, with the same keys.
func TestTableLost(t *testing.T) {
	w := newWorld(t)
	if err := w.process(t).Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.pass(maxAge)
	if err := w.process(t).Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, signs := w.published(t), w.process(t).kid(t)
	w.forget(t)
	if got := w.process(t).kid(t); got != signs {
		t.Errorf("signs with %s, want %s as before", got, signs)
	}
	if diff := cmp.Diff(before, w.published(t)); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	w.mustBeTidy(t)
}

// TestEverythingReplacedAtOnce is what somebody does whose keys were stolen: empty
// the secret, delete the item.
func TestEverythingReplacedAtOnce(t *testing.T) {
	w := newWorld(t)
	stolen := w.process(t).kid(t)
	w.secrets.Put(w.secret, placeholder)
	w.forget(t)
	if err := w.process(t).Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.published(t); len(got) != 1 || got[0] == stolen {
		t.Errorf("published %v, want one key that is not %s", got, stolen)
	}
	w.mustBeTidy(t)
}

// TestSecretMadeAnew: a new key signs, and the old sessions end when they end.
func TestSecretMadeAnew(t *testing.T) {
	w := newWorld(t)
	first := w.process(t).kid(t)
	w.secret = w.secrets.Create("made-anew")
	w.secrets.Put(w.secret, placeholder)
	// The version may only be late to be seen.
	if _, err := w.process(t).SigningKey(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("at once: %v, want unavailable", err)
	}
	w.pass(16 * time.Minute)
	second := w.process(t).kid(t)
	if diff := cmp.Diff([]string{second, first}, w.published(t)); diff != "" || second == first {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	w.pass(2 * 24 * time.Hour)
	if err := w.process(t).Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{second}, w.published(t)); diff != "" {
		t.Errorf("in the end (-want +got):\n%s", diff)
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

// forget deletes the table's item.
func (w *world) forget(t *testing.T) {
	t.Helper()
	_, err := emulator.DynamoDB().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: &w.table, Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "sessions"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}
