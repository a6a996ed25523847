package gitstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

type sizedAnswer int64

func (a sizedAnswer) cost() int64 { return int64(a) }

func about(what string) question { return question{1, sha256.Sum256([]byte(what))} }

// Everyone who follows a wiki fetches the same commit right after a save.
func TestEqualQuestionsAreWorkedOutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newAnswers(1 << 20)
		var computed atomic.Int32
		release := make(chan struct{})
		ask := func(ctx context.Context) (answer, error) {
			return s.get(ctx, about("a"), func(context.Context) (answer, error) {
				computed.Add(1)
				<-release
				return sizedAnswer(5), nil
			})
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if a, err := ask(t.Context()); err != nil || a != sizedAnswer(5) {
					t.Errorf("answer %v %v", a, err)
				}
			})
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		if _, err := ask(t.Context()); err != nil || computed.Load() != 1 {
			t.Errorf("computed %d times, %v", computed.Load(), err)
		}
	})
}

// One of several clients goes away: the others get their answer, even if it was
// the one that came first and computes. When all are gone nothing goes on.
func TestAbandonedQuestions(t *testing.T) {
	for _, c := range []struct {
		leave    []int // of three
		answered []int
	}{
		{leave: []int{1}, answered: []int{0, 2}},
		{leave: []int{0, 1}, answered: []int{2}},
		{leave: []int{2, 1, 0}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newAnswers(1 << 20)
			release := make(chan struct{})
			compute := func(ctx context.Context) (answer, error) {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-release:
					return sizedAnswer(1), nil
				}
			}
			var wg sync.WaitGroup
			var errs [3]error
			var cancels [3]context.CancelFunc
			for i := range 3 {
				var ctx context.Context
				ctx, cancels[i] = context.WithCancel(t.Context())
				defer cancels[i]()
				wg.Go(func() { _, errs[i] = s.get(ctx, about("a"), compute) })
				synctest.Wait()
			}
			for _, i := range c.leave {
				cancels[i]()
				synctest.Wait()
			}
			if len(c.answered) > 0 {
				close(release)
			}
			wg.Wait()
			for i, err := range errs {
				if slices.Contains(c.answered, i) && err != nil || len(c.answered) == 0 && !errors.Is(err, context.Canceled) {
					t.Errorf("%v leave: client %d gets %v", c.leave, i, err)
				}
			}
			if len(s.running) != 0 || (len(s.items) == 1) != (len(c.answered) > 0) {
				t.Errorf("%v leave: %d running, %d kept", c.leave, len(s.running), len(s.items))
			}
		})
	}
}

// What is kept is bounded in bytes, also where it grows after it was kept.
func TestKeptAnswersAreBounded(t *testing.T) {
	s := newAnswers(10_000)
	grown := map[string]*growing{}
	for i := range 100 {
		name := fmt.Sprint(i)
		grown[name] = &growing{size: 700}
		if _, err := s.get(t.Context(), about(name), func(context.Context) (answer, error) { return grown[name], nil }); err != nil {
			t.Fatal(err)
		}
		if i%7 == 0 {
			grown[name].size = 2000
			s.weigh(about(name))
		}
		sum := int64(0)
		for e := s.order.Front(); e != nil; e = e.Next() {
			sum += e.Value.(*kept).cost
		}
		if s.size != sum || sum > s.max || len(s.items) != s.order.Len() || len(s.running) != 0 {
			t.Fatalf("after %d: %d bytes noted, %d kept in %d answers, %d running", i, s.size, sum, len(s.items), len(s.running))
		}
	}
	if _, err := s.get(t.Context(), about("huge"), func(context.Context) (answer, error) { return sizedAnswer(9000), nil }); err != nil {
		t.Fatal(err)
	}
	if s.items[about("huge")] != nil || len(s.items) == 0 {
		t.Error("one answer pushed out the others")
	}
	if _, err := s.get(t.Context(), about("bad"), func(context.Context) (answer, error) { return nil, errMissing }); !errors.Is(err, errMissing) || s.items[about("bad")] != nil {
		t.Errorf("failure: %v", err)
	}
}

type growing struct{ size int64 }

func (g *growing) cost() int64 { return g.size }
