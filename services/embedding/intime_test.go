package embedding

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A call that is killed with its function says nothing, and holds a lease.
func TestTimeIsLeftToSayHowFarItCame(t *testing.T) {
	for _, c := range []struct {
		why            string
		within, worked time.Duration
	}{
		{"a function's fifteen minutes", 15 * time.Minute, 15*time.Minute - 10*time.Second},
		{"little time is not all kept back", 8 * time.Second, 6 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithTimeout(t.Context(), c.within)
			defer stop()
			working, end := inTime(ctx)
			defer end()
			began := time.Now()
			<-working.Done()
			if took := time.Since(began); took != c.worked || ctx.Err() != nil {
				t.Errorf("%s: worked for %v, want %v; %v", c.why, took, c.worked, ctx.Err())
			}
		})
	}
	working, end := inTime(t.Context())
	defer end()
	if _, ok := working.Deadline(); ok {
		t.Error("who has no deadline is given one")
	}
}
