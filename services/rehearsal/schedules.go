package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
)

// schedule is a rule that runs by the clock.
type schedule struct {
	rule, expression string
	bus              *eventbridgetest.Bus
}

// oftenEnough is the longest period that a rehearsal waits out. Rarer schedules
// run when somebody fires them.
const oftenEnough = 10 * time.Minute

// firstRuns fires every schedule once, as the runbook of a first deployment
// does, and keeps those that come often running.
func (r *Rehearsal) firstRuns(ctx context.Context) error {
	var errs []error
	for _, s := range r.schedules {
		period, err := s.period()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if period > 0 && period <= oftenEnough {
			r.every(period, s)
		}
		errs = append(errs, s.bus.Fire(s.rule))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return r.Settle(ctx)
}

var rate = regexp.MustCompile(`^rate\((\d+) (minute|hour|day)s?\)$`)

// period is 0 for a schedule that is no rate.
func (s schedule) period() (time.Duration, error) {
	m := rate.FindStringSubmatch(s.expression)
	if m == nil {
		return 0, nil
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, fmt.Errorf("schedule %s: %w", s.expression, err)
	}
	return time.Duration(n) * map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]], nil
}

func (r *Rehearsal) every(period time.Duration, s schedule) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(period)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				if err := s.bus.Fire(s.rule); err != nil {
					r.log.Warn("cannot fire a schedule", "rule", s.rule, "err", err)
				}
			}
		}
	}()
	r.closes(func() error {
		stop()
		<-done
		return nil
	})
}
