package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// many is how many clone at once.
const many = 16

// cell is what a row took at one server.
type cell struct {
	took   []time.Duration // each operation, or each crowd until its last was done
	cpu    time.Duration   // of the server, one operation
	memory int64           // of the server, one operation at its largest, bytes
}

// result is a row of a table. Its cells are those of git on the wiki's folder, of
// git on its copy, and of wikibot.
type result struct {
	row     gitRow
	state   string // of the wiki
	atOnce  int
	cells   [3]cell
	refused error // by wikibot
}

func (r result) name() string {
	if r.atOnce > 1 {
		return fmt.Sprintf("%s, %d at once", r.row.name, r.atOnce)
	}
	return r.row.name
}

// pace says how often something is measured: so often at least, unless that takes
// longer than the limit, then on until the time is over or it was often enough.
type pace struct {
	least, most   int
	length, limit time.Duration
}

func (p pace) more(done int, since time.Time) bool {
	took := time.Since(since)
	return done == 0 || done < p.least && took < p.limit || done < p.most && took < p.length
}

// open starts git's servers and returns all three.
func (s *scene) open() (all [3]gitServer, shut func(), err error) {
	same, err := startCGI("git http-backend", s.folder, s.wrap)
	if err != nil {
		return all, nil, err
	}
	best, err := startCGI("git http-backend on its copy", s.copied, s.wrap)
	if err != nil {
		same.stop()
		return all, nil, err
	}
	return [3]gitServer{same, best, s}, func() { same.stop(); best.stop() }, nil
}

// stream measures a row with a client that only reads. The requests are those
// that the real client makes of each server.
func (s *scene) stream(ctx context.Context, row gitRow, atOnce int, p pace) (result, error) {
	r := result{row: row, state: s.state, atOnce: atOnce}
	servers, shut, err := s.open()
	if err != nil {
		return r, err
	}
	defer shut()
	var made [3][]exchange
	for i, server := range servers {
		made[i], err = record(ctx, server, func(url string) error { _, err := row.run(ctx, s, url); return err })
		if err != nil && server == gitServer(s) {
			r.refused = err
			return r, nil
		} else if err != nil {
			return r, fmt.Errorf("%s: %w", server.title(), err)
		}
		if err := server.rest(ctx); err != nil {
			return r, err
		}
	}
	begin, done := time.Now(), 0
	for ; p.more(done, begin); done++ {
		for i, server := range servers { // by turns, so that whatever else the machine does meets all
			if err := r.cells[i].measure(ctx, server, made[i], atOnce); err != nil {
				return r, err
			}
		}
	}
	for i, server := range servers {
		r.cells[i].cpu /= time.Duration(done * atOnce)
		if r.cells[i].memory, err = server.peak(ctx, atOnce); err != nil {
			return r, err
		}
	}
	return r, nil
}

// measure does a row once, or once by each of many.
func (c *cell) measure(ctx context.Context, server gitServer, made []exchange, atOnce int) error {
	before, err := server.usage(ctx)
	if err != nil {
		return err
	}
	errs := make([]error, atOnce)
	var all sync.WaitGroup
	begin := time.Now()
	for i := range atOnce {
		all.Go(func() {
			client := newClient(server)
			defer client.CloseIdleConnections()
			errs[i] = replay(ctx, client, server, made)
		})
	}
	all.Wait()
	c.took = append(c.took, time.Since(begin))
	after, err := server.usage(ctx)
	c.cpu += after.CPU - before.CPU
	return errors.Join(append(errs, err)...)
}

// real measures a row with the real client, checkout and indexing included.
func (s *scene) real(ctx context.Context, row gitRow, p pace) (result, error) {
	r := result{row: row, state: s.state, atOnce: 1}
	servers, shut, err := s.open()
	if err != nil {
		return r, err
	}
	defer shut()
	begin := time.Now()
	for done := 0; p.more(done, begin); done++ {
		for n := range servers {
			i := (n + done) % len(servers) // nobody is always the first to write its files
			server := servers[i]
			took, err := row.run(ctx, s, remoteURL(server))
			if err != nil && server == gitServer(s) {
				r.refused = err
				return r, nil
			} else if err != nil {
				return r, fmt.Errorf("%s: %w", server.title(), err)
			}
			r.cells[i].took = append(r.cells[i].took, took)
		}
	}
	return r, nil
}

// first measures each row once by a process that was just started, as on AWS a
// cold function serves it: nothing is known of the wiki, and nothing of what was
// asked before. git is always like that.
func (s *scene) first(ctx context.Context, git []result) (all []result, err error) {
	for _, r := range git {
		if r.atOnce > 1 || r.refused != nil {
			continue
		}
		made, err := record(ctx, s, func(url string) error { _, err := r.row.run(ctx, s, url); return err })
		if err != nil {
			return nil, err
		}
		s.stop()
		if err := s.serve(); err != nil {
			return nil, err
		}
		if err := errors.Join(s.app(ctx), s.rest(ctx)); err != nil {
			return nil, err
		}
		r.cells[2] = cell{}
		if err := r.cells[2].measure(ctx, s, made, 1); err != nil {
			return nil, err
		}
		if r.cells[2].memory, err = s.peak(ctx, 1); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}
