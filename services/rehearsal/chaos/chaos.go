// Package chaos decides which calls of a rehearsal fail, and how.
//
// It owns the dice and nothing else: whoever stands in for a part of AWS rolls
// once per call and does what came out, in that part's own words. The same seed
// and the same order of calls give the same failures; calls of several processes
// have no fixed order, so a run is repeatable in kind, not to the letter.
package chaos

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Rates are shares of calls, each between 0 and 1; their sum is at most 1.
type Rates struct {
	Throttle float64 // refused for load; nothing was done
	Fail     float64 // answered with an internal error; nothing was done
	Conflict float64 // refused because a transaction touches the same items; nothing was done
	Lose     float64 // done, but the connection ends without an answer
	// Delay is added to every call, by up to this much.
	Delay time.Duration
	// Denied callers have lost all rights.
	Denied []string
}

// Fault is what befalls one call.
type Fault int

// The faults.
const (
	None Fault = iota
	Throttle
	Fail
	Conflict
	Lose
	Deny
)

// Dice is safe for concurrent use. It is fair weather until [Dice.Set].
type Dice struct {
	mu    sync.Mutex
	rng   *rand.Rand
	rates Rates
}

// New returns dice that follow from the seed.
func New(seed uint64) *Dice { return &Dice{rng: rand.New(rand.NewPCG(seed, seed))} }

// Set changes the weather from the next call on.
func (d *Dice) Set(r Rates) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rates = r
}

// Roll decides about one call.
func (d *Dice) Roll(caller string) (Fault, time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var delay time.Duration
	if d.rates.Delay > 0 {
		delay = time.Duration(d.rng.Int64N(int64(d.rates.Delay)))
	}
	if slices.Contains(d.rates.Denied, caller) {
		return Deny, delay
	}
	x := d.rng.Float64()
	for _, row := range []struct {
		share float64
		fault Fault
	}{{d.rates.Throttle, Throttle}, {d.rates.Fail, Fail}, {d.rates.Conflict, Conflict}, {d.rates.Lose, Lose}} {
		if x < row.share {
			return row.fault, delay
		}
		x -= row.share
	}
	return None, delay
}
