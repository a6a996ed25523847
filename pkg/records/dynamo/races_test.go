package dynamo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo"
	"wikibot.io/pkg/records/recordstest"
)

// seed puts a user and a wiki in.
func seed(t *testing.T, s recordstest.Store) {
	t.Helper()
	err := s.CreateUser(t.Context(), records.User{ID: "ada", Username: "ada", Email: "ada@example.org"}, records.Identity{Provider: "dev", Subject: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateWiki(t.Context(), newWiki("w")); err != nil {
		t.Fatal(err)
	}
}

func newWiki(id string) records.NewWiki {
	return records.NewWiki{ID: id, Slug: "slug-" + id, Name: "Wiki", OwnerID: "ada", Token: token(id, "default")}
}

func token(wiki, name string) records.Token {
	return records.Token{ID: "id-" + wiki + name, Hash: "hash-" + wiki + name, WikiID: wiki, UserID: "ada", Name: name, Role: records.Editor}
}

// newStep returns a step that adds a page.
func newStep(t *testing.T, wiki, old, new string) records.HeadChange {
	t.Helper()
	env, err := events.New(time.Now(), wiki, &events.Actor{UserId: "ada", Name: "Ada"}, &eventsv1.PageSaved{Commit: &eventsv1.Commit{
		OldHead: old, NewHead: new, Changes: []*eventsv1.PageChange{{Kind: eventsv1.PageChange_KIND_CREATED, Path: "Page"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return records.HeadChange{WikiID: wiki, Old: old, New: new, PageDelta: 1, Event: env}
}

// Writers who meet every trouble, a lost answer above all, each try until they
// have landed so many steps. Whoever was told that a step was taken finds it in
// the chain of events once; whoever was told that it was not finds it nowhere.
func TestRacingWritersInTrouble(t *testing.T) {
	t.Parallel()
	names, p := fresh(t), newProxy(t)
	seed(t, open(t, names, dynamo.Options{}))
	chance := rand.New(rand.NewPCG(3, 5))
	p.decide = func(*request) trouble {
		if chance.IntN(3) == 0 {
			return every[chance.IntN(len(every))]
		}
		return none
	}
	const writers, each = 5, 8
	var mu sync.Mutex
	told := map[string]string{} // by commit
	var wg sync.WaitGroup
	for i := range writers {
		s := open(t, names, dynamo.Options{}, p.through) // as if it were in a process of its own
		wg.Go(func() {
			head, landed := "", 0
			for try := 0; landed < each && try < 500; try++ {
				commit := fmt.Sprintf("%039x%d", rand.Uint64(), i)
				got, err := s.AdvanceHead(t.Context(), newStep(t, "w", head, commit))
				moved, lost := errors.AsType[*records.HeadMovedError](err)
				answer := "taken"
				switch {
				case err == nil:
					landed++
					head = got.Head
				case lost:
					answer, head = "refused", moved.Current.Head
				case fault.Is(err, fault.Unavailable):
					answer = "unknown"
					if now, err := s.Wiki(t.Context(), "w"); err == nil {
						head = now.Head
					}
				default:
					t.Error(err)
					return
				}
				mu.Lock()
				told[commit] = answer
				mu.Unlock()
			}
			if landed < each {
				t.Errorf("writer %d landed %d steps", i, landed)
			}
		})
	}
	wg.Wait()
	checkChain(t, watch(t, names).Events(t), open(t, names, dynamo.Options{}), told)
}

// checkChain holds the events of a wiki against its record and against what the
// writers were told.
func checkChain(t *testing.T, all []*eventsv1.Envelope, s *dynamo.Store, told map[string]string) {
	t.Helper()
	head, steps := "", int64(0)
	counts := map[string]int{}
	for _, env := range all {
		c := events.CommitOf(env)
		if c == nil {
			continue
		}
		if steps++; c.OldHead != head || c.Sequence != steps || c.PageCount != steps {
			t.Errorf("step %d from %s: event %v", steps, head, c)
		}
		head = c.NewHead
		if told[head] == "refused" {
			t.Errorf("step %d to %s was taken, and its writer told that it was not", steps, head)
		}
		counts[told[head]]++
		delete(told, head)
	}
	for commit, answer := range told {
		if answer == "taken" {
			t.Errorf("the step to %s was acknowledged and is lost", commit)
		}
	}
	w, err := s.Wiki(t.Context(), "w")
	if err != nil {
		t.Fatal(err)
	}
	if w.Head != head || w.Sequence != steps || w.PageCount != steps {
		t.Errorf("after %d steps to %s the record is %+v", steps, head, w)
	}
	t.Logf("steps taken, by what their writers were told: %v", counts)
}

// A writer's answer is lost, and others build on its step before it asks again.
func TestLostStepIsFoundUnderLaterOnes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		others int
		want   fault.Kind
		why    string
	}{
		{0, "", "it is the head"},
		{1, "", "it is remembered"},
		{7, "", "it is the last that is remembered"},
		{8, fault.Unavailable, "it is forgotten, and nobody may say that it was not taken"},
	} {
		names, p := fresh(t), newProxy(t)
		direct := open(t, names, dynamo.Options{})
		seed(t, direct)
		lose := true
		p.decide = func(r *request) trouble {
			if r.op == "UpdateItem" && lose {
				lose = false
				return lost
			}
			return none
		}
		first := true
		p.after = func(*request) {
			if !first {
				return
			}
			first = false
			head := commit(1)
			for i := range c.others {
				if _, err := direct.AdvanceHead(t.Context(), newStep(t, "w", head, commit(i+2))); err != nil {
					t.Error(err)
				}
				head = commit(i + 2)
			}
		}
		_, err := open(t, names, dynamo.Options{}, p.through).AdvanceHead(t.Context(), newStep(t, "w", "", commit(1)))
		if fault.KindOf(err) != c.want {
			t.Errorf("%d others: error %v, want one of kind %q: %s", c.others, err, c.want, c.why)
		}
		if got := len(watch(t, names).Events(t)); got != 3+c.others {
			t.Errorf("%d others: %d events", c.others, got)
		}
	}
}

// The first attempt breaks before it arrives, and another takes the head
// meanwhile: that is told, since all steps since are known.
func TestStepThatNeverArrivedHasLost(t *testing.T) {
	names, p := fresh(t), newProxy(t)
	direct := open(t, names, dynamo.Options{})
	seed(t, direct)
	first := true
	p.decide = func(*request) trouble {
		if !first {
			return none
		}
		first = false
		if _, err := direct.AdvanceHead(t.Context(), newStep(t, "w", "", commit(2))); err != nil {
			t.Error(err)
		}
		return dropped
	}
	_, err := open(t, names, dynamo.Options{}, p.through).AdvanceHead(t.Context(), newStep(t, "w", "", commit(1)))
	if moved, ok := errors.AsType[*records.HeadMovedError](err); !ok || moved.Current.Head != commit(2) {
		t.Errorf("error %v, want one that names the winner's head", err)
	}
}

func commit(n int) string { return fmt.Sprintf("%040x", n) }
