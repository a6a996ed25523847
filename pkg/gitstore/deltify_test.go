package gitstore

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func checkDelta(t *testing.T, d *deltifier, base, target []byte) []byte {
	t.Helper()
	delta := d.delta(base, target, math.MaxInt)
	got, err := applyDelta(base, delta)
	if err != nil || !bytes.Equal(got, target) {
		t.Fatalf("from %d bytes to %d: got %d, %v", len(base), len(target), len(got), err)
	}
	return delta
}

func TestDeltas(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 300_000)
	_, _ = random.Read(noise)
	page := []byte(strings.Repeat("Every wiki has a page that nobody reads. ", 40))
	var list []byte
	for i := range 500 {
		list = fmt.Appendf(list, "100644 page %d\x00%s", i, noise[20*i:20*i+20])
	}
	edited := bytes.Clone(list)
	copy(edited[7000:], noise[100_000:100_020])
	swapped := append(bytes.Clone(noise[150_000:]), noise[:150_000]...)
	for _, c := range []struct {
		why          string
		base, target []byte
		most         int // bytes of the delta
	}{
		{"nothing from nothing", nil, nil, 2},
		{"all of it new", nil, page, len(page) + 20},
		{"all of it gone", page, nil, 3},
		{"the same", page, page, 10},
		{"a word in the middle", page, bytes.Replace(page, []byte("reads"), []byte("writes"), 1), 30},
		{"an entry of a folder", list, edited, 45},
		{"more at the end", page, append(bytes.Clone(page), "The end."...), 25},
		{"more at the beginning", page, append([]byte("The beginning."), page...), 30},
		{"halves in the other order, longer than one copy", noise, swapped, 60},
		{"larger than what is indexed", bytes.Repeat(noise, 3), bytes.Repeat(swapped, 3), 200},
		{"nothing in common", noise[:5000], noise[200_000:205_000], 5100},
	} {
		d := &deltifier{}
		for range 2 { // with memory that was used before
			if delta := checkDelta(t, d, c.base, c.target); len(delta) > c.most {
				t.Errorf("%s: the delta has %d bytes, more than %d", c.why, len(delta), c.most)
			}
		}
		whole := d.delta(c.base, c.target, math.MaxInt)
		if got := d.delta(c.base, c.target, len(whole)); !bytes.Equal(got, whole) {
			t.Errorf("%s: a bound that it just keeps changes the delta", c.why)
		}
		if got := d.delta(c.base, c.target, len(whole)-1); got != nil {
			t.Errorf("%s: a delta longer than its bound", c.why)
		}
	}
}

func FuzzDelta(f *testing.F) {
	f.Add([]byte("one two three four five six"), []byte("one two 3 four five six, and more than that"))
	f.Add([]byte(strings.Repeat("ab", 100)), []byte(strings.Repeat("abc", 100)))
	f.Add([]byte{}, []byte{0})
	d := &deltifier{}
	f.Fuzz(func(t *testing.T, base, target []byte) {
		checkDelta(t, d, base, target)
		if len(base) > 0 { // much in common, which chance does not find
			cut := len(target) % len(base)
			mixed := append(append(append([]byte{}, base[cut:]...), target...), base[:cut]...)
			checkDelta(t, d, base, mixed)
			checkDelta(t, d, mixed, base)
		}
	})
}
