package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wikibot.io/pkg/fault"
)

const (
	forgetBatch = 100 // users read at once
	maxForgets  = 50  // batches in one go; the next one takes up the rest
)

// Schedules are what the service does when it is told to, by name.
// "forget-departed", once a day, removes who has been leaving for
// [DeletionGrace]; it may be repeated at any time.
func (s *Service) Schedules() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{"forget-departed": s.forgetDeparted}
}

// forgetDeparted goes on after a failure: one user who cannot be forgotten must
// not keep the others.
func (s *Service) forgetDeparted(ctx context.Context) error {
	before := time.Now().Add(-DeletionGrace)
	failed := map[string]error{}
	forgotten := 0
	for range maxForgets {
		limit := forgetBatch + len(failed) // those stand first, and come again
		departed, err := s.records.Departed(ctx, before, limit)
		if err != nil {
			return err
		}
		for _, u := range departed {
			if failed[u.ID] != nil {
				continue
			}
			err := s.records.ForgetUser(ctx, u.ID)
			if err != nil && !fault.Is(err, fault.NotFound) { // not found: they came back, or another run was faster
				failed[u.ID] = fmt.Errorf("forget user %s: %w", u.ID, err)
				continue
			}
			forgotten++
		}
		if len(departed) < limit || ctx.Err() != nil {
			break
		}
	}
	if forgotten > 0 {
		s.log.InfoContext(ctx, "forgot users who had left", "users", forgotten)
	}
	var errs []error
	for _, err := range failed {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
