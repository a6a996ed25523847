package ui

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatience[int](time.Second)
		var calls atomic.Int32
		after := func(d time.Duration) func() (int, error) {
			return func() (int, error) {
				calls.Add(1)
				time.Sleep(d)
				return 7, nil
			}
		}
		if v, ok, err := p.wait("a", after(time.Millisecond)); v != 7 || !ok || err != nil {
			t.Errorf("what is quick gave %d, %t, %v", v, ok, err)
		}
		begun := time.Now()
		if _, ok, _ := p.wait("a", after(time.Minute)); ok || time.Since(begun) != time.Second {
			t.Errorf("what is slow gave %t after %v, want to do without after a second", ok, time.Since(begun))
		}
		begun = time.Now()
		calls.Store(0)
		if _, ok, _ := p.wait("a", after(0)); ok || calls.Load() != 0 || time.Since(begun) != time.Second/4 {
			t.Errorf("the next caller waited %v instead of a moment, or began it again", time.Since(begun))
		}
		if _, ok, _ := p.wait("b", after(0)); !ok {
			t.Error("another key was held up")
		}
		time.Sleep(2 * time.Minute)
		if v, ok, _ := p.wait("a", after(0)); v != 7 || !ok {
			t.Error("once it is done, it is not used")
		}
		p.wait("a", after(1100*time.Millisecond))
		calls.Store(0)
		if v, ok, _ := p.wait("a", after(time.Millisecond)); v != 7 || !ok || calls.Load() != 1 {
			t.Errorf("done within the moment: %d, %t, %d calls; want it asked for anew", v, ok, calls.Load())
		}
		if _, ok, err := p.wait("a", func() (int, error) { panic("bug") }); !ok || err == nil {
			t.Error("a panic was lost")
		}
		if _, ok, err := p.wait("a", func() (int, error) { return 0, errors.ErrUnsupported }); !ok || !errors.Is(err, errors.ErrUnsupported) {
			t.Error("an error was lost")
		}
	})
}
