package eventbridgetest

import (
	"context"
	"sync"
	"time"
)

// work keeps account of what runs in the background.
type work struct {
	ctx    context.Context
	cancel context.CancelFunc
	speed  float64

	mu   sync.Mutex
	n    int
	idle chan struct{} // closed while nothing runs
}

func newWork(speed float64) *work {
	if speed == 0 {
		speed = 1
	}
	w := &work{speed: speed, idle: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	close(w.idle)
	return w
}

// run starts fn, whose context ends with close.
func (w *work) run(fn func(context.Context)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return
	}
	if w.n == 0 {
		w.idle = make(chan struct{})
	}
	w.n++
	go func() {
		defer func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.n--; w.n == 0 {
				close(w.idle)
			}
		}()
		fn(w.ctx)
	}()
}

// wait returns when nothing runs.
func (w *work) wait(ctx context.Context) error {
	for {
		w.mu.Lock()
		n, idle := w.n, w.idle
		w.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-idle:
		}
	}
}

// close stops what runs and waits for it.
func (w *work) close() {
	w.mu.Lock()
	w.cancel()
	idle := w.idle
	w.mu.Unlock()
	<-idle
}

// scaled is how long a stretch of AWS's time lasts here.
func (w *work) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / w.speed)
}

// pause waits for a stretch of AWS's time, and reports whether it is over.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
