package wikibot

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// round is work that is due every now and then, as a schedule of a function is in
// a deployment.
type round struct {
	name  string
	every time.Duration
	do    func(context.Context) error
}

// goRounds does each round now and then every so often, until ctx ends. A round
// that fails is logged, and done again when it is due: none depends on having
// been done in time.
func goRounds(ctx context.Context, rounds []round, log *slog.Logger) {
	var all sync.WaitGroup
	for _, r := range rounds {
		all.Go(func() {
			tick := time.NewTicker(r.every)
			defer tick.Stop()
			for {
				if err := r.do(ctx); err != nil && ctx.Err() == nil {
					log.ErrorContext(ctx, "round failed", "round", r.name, "err", err)
				}
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	all.Wait()
}
