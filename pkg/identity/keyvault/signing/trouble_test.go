package signing_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
)

// TestKilledAtAnyCall: a process dies after each of its calls in turn, and before
// the first. What is left works, and the next run completes it.
func TestKilledAtAnyCall(t *testing.T) {
	t.Parallel()
	for why, prepare := range map[string]func(*testing.T, *world){
		"at the first key": func(*testing.T, *world) {},
		"at a rotation": func(t *testing.T, w *world) {
			if err := w.process(t).Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.pass(maxAge)
		},
		"at a retirement": func(t *testing.T, w *world) {
			for _, d := range []time.Duration{0, maxAge, 50 * time.Hour} {
				w.pass(d)
				if d != 50*time.Hour {
					if err := w.process(t).Rotate(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
		},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
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
			for last := range calls {
				w := newWorld(t)
				prepare(t, w)
				p := w.process(t)
				p.wire.broken = func(call int, _ string, _ bool) bool { return call > last }
				if err := p.Rotate(t.Context()); !errors.Is(err, errCut) {
					t.Errorf("after call %d: %v, want it to be cut off", last, err)
				}
				w.mustWork(t)
				w.secrets.Sweep()
				w.mustWork(t)
				if err := w.process(t).Rotate(t.Context()); err != nil {
					t.Fatalf("after call %d: the next run: %v", last, err)
				}
				if got := len(w.published(t)); got != want {
					t.Errorf("after call %d: %d keys in the end, want %d", last, got, want)
				}
				w.mustBeTidy(t)
			}
		})
	}
}

// TestLostAnswers: every call has its effect and its answer gets lost once; the
// SDK tries again.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
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
		w.pass([]time.Duration{maxAge, 50 * time.Hour, 0}[i])
	}
}

// TestForeignSecret: what is not ours is neither used nor replaced, and the error
// repeats nothing of it.
func TestForeignSecret(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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

// TestReplace: whatever there was, in the end there is one key, which nobody has
// seen before, and it signs.
func TestReplace(t *testing.T) {
	t.Parallel()
	for why, prepare := range map[string]func(*testing.T, *world){
		"nothing yet": func(*testing.T, *world) {},
		"two keys": func(t *testing.T, w *world) {
			for range 2 {
				if err := w.process(t).Rotate(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.pass(maxAge)
			}
		},
		"keys, but no item": func(t *testing.T, w *world) {
			if err := w.process(t).Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.forget(t)
		},
		"an item, but no secret": func(t *testing.T, w *world) {
			w.process(t).kid(t)
			w.secret = w.secrets.Create("made-anew")
		},
	} {
		t.Run(why, func(t *testing.T) {
			w := newWorld(t)
			prepare(t, w)
			before := map[string]bool{}
			if set, err := w.public(t).PublicKeys(t.Context()); err == nil {
				for i := range set.Len() {
					k, _ := set.Key(i)
					before[k.KeyID()] = true
				}
			}
			if err := w.process(t).Schedules()["replace-keys"](t.Context()); err != nil {
				t.Fatal(err)
			}
			got := w.published(t)
			if len(got) != 1 || before[got[0]] || w.process(t).kid(t) != got[0] {
				t.Errorf("published %v, before %v, want one new key that signs", got, before)
			}
			w.mustBeTidy(t)
		})
	}
}

// TestReplaceRace: rotations at the same time do not bring back what was replaced.
func TestReplaceRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stolen := w.process(t).kid(t)
	w.pass(maxAge)
	var all sync.WaitGroup
	for i := range 6 {
		p := w.process(t)
		run := p.Rotate
		if i == 3 {
			run = p.Replace
		}
		all.Go(func() {
			if err := run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := w.published(t); len(got) != 1 || got[0] == stolen {
		t.Errorf("published %v, want one key that is not %s", got, stolen)
	}
	w.mustBeTidy(t)
}

// TestReplacedByHand empties the secret and deletes the item.
func TestReplacedByHand(t *testing.T) {
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
	t.Parallel()
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
	w.pass(50 * time.Hour)
	if err := w.process(t).Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{second}, w.published(t)); diff != "" {
		t.Errorf("in the end (-want +got):\n%s", diff)
	}
	w.mustBeTidy(t)
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
