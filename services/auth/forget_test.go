package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// leavers is a store of users who are leaving, oldest first; of some it cannot let
// go.
type leavers struct {
	Records
	ids   []string
	stuck map[string]bool
}

func (l *leavers) Departed(_ context.Context, _ time.Time, limit int) ([]records.User, error) {
	var users []records.User
	for _, id := range l.ids[:min(limit, len(l.ids))] {
		users = append(users, records.User{ID: id})
	}
	return users, nil
}

func (l *leavers) ForgetUser(_ context.Context, id string) error {
	i := slices.Index(l.ids, id)
	switch {
	case i < 0:
		return fault.New(fault.NotFound, "forget user %s: nobody of that id is leaving", id)
	case l.stuck[id]:
		return errors.New("it is stuck")
	}
	l.ids = slices.Delete(l.ids, i, i+1)
	return nil
}

// TestForgettingGoesOn: more users than one batch holds, of whom some, the oldest
// at that, cannot be forgotten.
func TestForgettingGoesOn(t *testing.T) {
	store := &leavers{stuck: map[string]bool{}}
	for n := range 3 * forgetBatch {
		id := fmt.Sprintf("%04d", n)
		store.ids, store.stuck[id] = append(store.ids, id), n < forgetBatch+7
	}
	s := &Service{records: store, log: slog.New(slog.DiscardHandler)}
	err := s.Schedules()["forget-departed"](t.Context())
	if len(store.ids) != forgetBatch+7 {
		t.Errorf("%d users are left, want the stuck ones", len(store.ids))
	}
	if err == nil || strings.Count(err.Error(), "it is stuck") != forgetBatch+7 {
		t.Errorf("the error does not tell of each: %v", err)
	}
}
