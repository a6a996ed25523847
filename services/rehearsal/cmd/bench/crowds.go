package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"wikibot.io/services/rehearsal/visitor"
)

// crowdTime is how long each crowd writes.
const crowdTime = 6 * time.Second

// crowds prints how many saves a second one wiki takes, from how many writers at
// once. Lambda gives each request under way a process of its own, so the writers
// meet at the head's record alone.
func (s *stage) crowds(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "\n### Writers at one wiki\n\nFor %v each, everybody making pages, through REST. Units are those of the whole fleet.\n\n"+
		"| writers | landed a second | refused (try again) | median | p99 | RRU a save | WRU a save |\n| --- | --- | --- | --- | --- | --- | --- |\n", crowdTime)
	for _, writers := range []int{1, 2, 5, 8, 16} {
		if err := s.crowd(ctx, out, writers); err != nil {
			return fmt.Errorf("%d writers: %w", writers, err)
		}
	}
	return nil
}

func (s *stage) crowd(ctx context.Context, out io.Writer, writers int) error {
	// A wiki of its own for each crowd: the free plan has room for 500 pages.
	who, err := visitor.SignUp(ctx, s.URL(), fmt.Sprintf("crowd%d", writers), false)
	if err != nil {
		return err
	}
	// Processes for all of them.
	if err := inParallel(writers, func(int) error { return s.ok(who.View(ctx, "")) }); err != nil {
		return err
	}
	if err := s.Settle(ctx); err != nil {
		return err
	}
	before, err := who.PageCount(ctx)
	if err != nil {
		return err
	}
	s.Meter().Reset()
	var mu sync.Mutex
	var took []time.Duration
	refused := 0
	began := time.Now()
	err = inParallel(writers, func(writer int) error {
		for n := 0; time.Since(began) < crowdTime; n++ {
			start := time.Now()
			a, err := who.Save(ctx, fmt.Sprintf("Writer %d/Page %d", writer, n), text(n, s.Pages))
			mu.Lock()
			switch {
			case err == nil && a.Status < 300:
				took = append(took, time.Since(start))
			case err == nil && (a.Status == http.StatusServiceUnavailable || a.Status == http.StatusTooManyRequests):
				refused++
			default:
				err = s.ok(a, err)
			}
			mu.Unlock()
			if err != nil {
				return err
			}
		}
		return nil
	})
	lasted := time.Since(began)
	if err != nil {
		return err
	}
	if err := s.Settle(ctx); err != nil {
		return err
	}
	reads, writes := 0.0, 0.0
	for kind, c := range s.Meter().Counts() {
		if isRead(kind.Action) {
			reads += c.Units
		} else {
			writes += c.Units
		}
	}
	after, err := who.PageCount(ctx)
	if err != nil {
		return err
	}
	if after-before != int64(len(took)) {
		return fmt.Errorf("%d saves were acknowledged, %d pages came", len(took), after-before)
	}
	slices.Sort(took)
	landed := float64(len(took))
	fmt.Fprintf(out, "| %d | %.1f | %d | %s | %s | %.1f | %.1f |\n", writers, landed/lasted.Seconds(), refused, ms(at(took, 50)), ms(at(took, 99)), reads/landed, writes/landed)
	return nil
}

// inParallel runs f for each of n and returns one of the errors.
func inParallel(n int, f func(i int) error) error {
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- f(i) }()
	}
	var first error
	for range n {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}
