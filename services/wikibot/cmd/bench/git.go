package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

type gitBench struct {
	Bin     string        `default:"bin/wikibot" help:"The binary to measure."`
	Corpus  string        `help:"Repository to measure with: a folder, bundle or URL. Default: generated ones."`
	Pages   []int         `default:"500,5000" help:"Sizes of the generated ones, in pages."`
	Commits int           `default:"4000" help:"Commits of each generated one."`
	Slow    time.Duration `help:"Add this to each operation on the servers' files."`
}

// Run measures one size after the other and prints a section for each.
func (b *gitBench) Run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "wikibot-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if b.Corpus != "" {
		return b.size(ctx, os.Stdout, dir, b.Corpus)
	}
	var errs []error
	for _, pages := range b.Pages {
		part := filepath.Join(dir, fmt.Sprint(pages))
		corpus, err := generate(ctx, filepath.Join(part, "corpus"), pages, b.Commits)
		if err != nil {
			return err
		}
		errs = append(errs, b.size(ctx, os.Stdout, part, corpus), os.RemoveAll(part))
	}
	return errors.Join(errs...)
}

const (
	before = 40 // saves since the import
	recent = 10 // saves since the maintenance
)

// size measures one repository in two states: just maintained, and some saves
// later. On slow files git takes seconds for everything, so that much is left out.
func (b *gitBench) size(ctx context.Context, out io.Writer, dir, corpus string) (err error) {
	s, err := newScene(ctx, b.Bin, dir, corpus, b.Slow)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.advance(ctx, before); err != nil {
		return err
	}
	if err := s.maintain(ctx); err != nil {
		return err
	}
	if err := b.heading(ctx, out, s); err != nil {
		return err
	}
	var maintained, clients []result
	if b.Slow == 0 {
		if maintained, err = b.state(ctx, out, s, "Just maintained", false); err != nil {
			return err
		}
	}
	if err := s.advance(ctx, recent); err != nil {
		return err
	}
	later, err := b.state(ctx, out, s, fmt.Sprintf("%d saves later", recent), b.Slow == 0)
	if err != nil {
		return err
	}
	if b.Slow == 0 {
		if clients, err = b.clients(ctx, out, s); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\nMemory of wikibot after all this: %.0f MiB.\n", memory(s.cmd.Process.Pid))
	first, err := b.starts(ctx, out, s, later)
	if err != nil {
		return err
	}
	return printBars(out, append(maintained, later...), clients, first)
}

func (b *gitBench) heading(ctx context.Context, out io.Writer, s *scene) error {
	paths, err := s.pagePaths(ctx)
	if err != nil {
		return err
	}
	commits, err := s.commits(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n## %d pages, %s commits\n", len(paths), commits)
	if b.Slow > 0 {
		fmt.Fprintf(out, "\nEach operation on the servers' files takes %v longer.\n", b.Slow)
	}
	return nil
}

// state measures every row with the client that only reads.
func (b *gitBench) state(ctx context.Context, out io.Writer, s *scene, name string, crowds bool) (all []result, err error) {
	if err := s.settle(ctx, name); err != nil {
		return nil, err
	}
	alone := pace{least: 7, most: 25, length: 2 * time.Second, limit: 8 * time.Second}
	if b.Slow > 0 {
		alone = pace{least: 3, most: 7, length: time.Second, limit: 4 * time.Second}
	}
	for _, row := range gitRows {
		r, err := s.stream(ctx, row, 1, alone)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	for _, row := range gitRows {
		if row.crowd && crowds {
			r, err := s.stream(ctx, row, many, pace{least: 3, most: 7, length: 4 * time.Second, limit: 12 * time.Second})
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
	}
	printResults(out, s, all)
	return all, nil
}

func (b *gitBench) clients(ctx context.Context, out io.Writer, s *scene) (all []result, err error) {
	for _, row := range gitRows {
		r, err := s.real(ctx, row, pace{least: 3, most: 15, length: 2 * time.Second, limit: 20 * time.Second})
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	fmt.Fprintf(out, "\n#### The real client\n\nWall time of `git`, with what it does itself.\n\n")
	printTable(out, all, timeOf)
	return all, nil
}

func (b *gitBench) starts(ctx context.Context, out io.Writer, s *scene, git []result) ([]result, error) {
	first, err := s.first(ctx, git)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "\n#### A process that was just started\n\nThe first that it serves of a wiki, beside git's medians from above: time, CPU, memory.\n\n")
	for _, f := range []figure{timeOf, cpuOf, memoryOf} {
		printTable(out, first, f)
		fmt.Fprintln(out)
	}
	return first, nil
}
