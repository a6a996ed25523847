package wikibot

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// A round that fails keeps neither itself nor others from being done again.
func TestRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		daily, hourly := 0, 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			goRounds(ctx, []round{
				{"daily", 24 * time.Hour, func(context.Context) error { daily++; return errors.New("it failed") }},
				{"hourly", time.Hour, func(context.Context) error { hourly++; return nil }},
			}, slog.New(slog.DiscardHandler))
		}()
		time.Sleep(48*time.Hour + time.Minute)
		synctest.Wait()
		if daily != 3 || hourly != 49 {
			t.Errorf("daily %d times, hourly %d, want 3 and 49", daily, hourly)
		}
		stop()
		<-done
	})
}
