//go:build linux

package runtimeapi_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"wikibot.io/services/rehearsal/runtimeapi"
)

const (
	tick = `{"schedule":"tick"}`
	get  = `"headers":{"x-wikibot-edge":"` + edgeKey + `"},"requestContext":{"http":{"method":"GET"}}}`
)

// Between invocations a process and what it started stand still; they are as
// usable, and as easily ended, as others.
func TestFrozenBetweenInvocations(t *testing.T) {
	for _, c := range []struct {
		why string
		end func(*runtimeapi.Function) error
	}{
		{"ended when idle", func(f *runtimeapi.Function) error { f.Reset(); return nil }},
		{"ended with the function", (*runtimeapi.Function).Close},
	} {
		f, _ := newProbe(t, func(cfg *runtimeapi.Config) {
			cfg.Freeze, cfg.Timeout = true, 2*time.Second
			cfg.Command = []string{"/bin/sh", "-c", `"$0" & wait`, probe}
		})
		for range 3 {
			if _, err := f.Invoke(t.Context(), []byte(tick)); err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			if states := frozen(t, f.Instances()[0].PID); states != "TT" {
				t.Errorf("%s: the states of launcher and function are %s, want them stopped", c.why, states)
			}
		}
		if n := len(f.Instances()); n != 1 {
			t.Errorf("%s: %d processes were started; frozen ones are used again", c.why, n)
		}
		if err := c.end(f); err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		if left := group(t, f.Instances()[0].PID); left != "" {
			t.Errorf("%s: processes live on: %s", c.why, left)
		}
	}
}

// A process that was frozen once is held to its time like any other.
func TestThawedTimesOut(t *testing.T) {
	f, _ := newProbe(t, func(c *runtimeapi.Config) { c.Freeze, c.Timeout = true, 300*time.Millisecond })
	if _, err := f.Invoke(t.Context(), []byte(tick)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{"version":"2.0","rawPath":"/-/hang",`+get)); !errors.Is(err, runtimeapi.ErrTimeout) {
		t.Errorf("got %v, want a timeout", err)
	}
	if n := alive(f); n != 0 {
		t.Errorf("%d processes live", n)
	}
}

// frozen returns the states of a group's processes, a letter each.
func frozen(t *testing.T, pgid int) (states string) {
	t.Helper()
	for line := range strings.Lines(group(t, pgid)) {
		states += strings.Fields(line)[1][:1]
	}
	return states
}

// What a process took is known when it has ended, and of memory before.
func TestWhatProcessesTake(t *testing.T) {
	const n = 48 << 20
	f, _ := newProbe(t, func(c *runtimeapi.Config) { c.Freeze = true })
	if _, err := f.Invoke(t.Context(), []byte(tick)); err != nil {
		t.Fatal(err)
	}
	if i := f.Instances()[0]; i.Memory == 0 || i.Memory > n {
		t.Errorf("before: %d bytes of memory", i.Memory)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{"version":"2.0","rawPath":"/-/take","rawQueryString":"n=50331648",`+get)); err != nil {
		t.Fatal(err)
	}
	if i := f.Instances()[0]; i.Memory < n {
		t.Errorf("after: %d bytes of memory, want more than %d", i.Memory, n)
	}
	f.Reset()
	if i := f.Instances()[0]; i.Scratch != n {
		t.Errorf("%d bytes of scratch, want %d", i.Scratch, n)
	}
}
