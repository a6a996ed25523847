package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// printResults prints a table for each of time, processor time and memory.
func printResults(w io.Writer, s *scene, all []result) {
	fmt.Fprintf(w, "\n### %s: %s\n", s.state, s.packs())
	fmt.Fprintf(w, "\n#### Serving time\n\nOf a client that only reads: median of 7 runs or more (fewer where git takes seconds), worst in brackets. Many at once: until the last is served.\n\n")
	printTable(w, all, timeOf)
	fmt.Fprintf(w, "\n#### Server CPU, each operation\n\n")
	printTable(w, all, cpuOf)
	fmt.Fprintf(w, "\n#### Server memory, each operation\n\ngit: its largest process. wikibot: what it grows by, shared out among those at once.\n\n")
	printTable(w, all, memoryOf)
}

// figure takes a cell's value, and shows it.
type figure func(c cell) (value float64, shown string)

func timeOf(c cell) (float64, string) {
	mid := median(c.took)
	return mid.Seconds(), fmt.Sprintf("%s (%s)", ms(mid), ms(slices.Max(c.took)))
}

func cpuOf(c cell) (float64, string) { return c.cpu.Seconds(), ms(c.cpu) }

func memoryOf(c cell) (float64, string) { return float64(c.memory), mib(c.memory) }

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// printTable puts the servers side by side. Ratios are wikibot's share of git's.
func printTable(w io.Writer, all []result, f figure) {
	row(w, "", "git, same folder", "git, at its best", "wikibot", "ratio to git, same folder", "ratio to git, at its best")
	row(w, "---", "--:", "--:", "--:", "--:", "--:")
	for _, r := range all {
		if r.refused != nil {
			row(w, r.name(), "", "", "**refused**", "", "")
			continue
		}
		_, same := f(r.cells[0])
		_, best := f(r.cells[1])
		_, ours := f(r.cells[2])
		row(w, r.name(), same, best, ours, fmt.Sprintf("%.2f", r.ratio(0, f)), fmt.Sprintf("%.2f", r.ratio(1, f)))
	}
}

// ratio is wikibot's share of what a peer takes.
func (r result) ratio(peer int, f figure) float64 {
	theirs, _ := f(r.cells[peer])
	ours, _ := f(r.cells[2])
	return ours / max(theirs, float64(time.Nanosecond)/float64(time.Second))
}

// mostMemory is the bar of what one operation takes, in bytes.
const mostMemory = 16 << 20

// printBars says which bars hold. What wikibot refuses to serve is an error.
func printBars(w io.Writer, streams, clients, starts []result) error {
	fmt.Fprintf(w, "\n#### Bars\n\n")
	row(w, "bar", "git, same folder", "git, at its best")
	row(w, "---", "---", "---")
	third := func(r result) bool { return r.row.third }
	every := func(result) bool { return true }
	for _, bar := range []struct {
		name string
		rows []result
		of   func(result) bool
		most float64
		f    figure
	}{
		{"served at least as fast, every row", streams, every, 1, timeOf},
		{"the real client at least as fast, every row", clients, every, 1, timeOf},
		{"served at least as fast by a process that was just started", starts, every, 1, timeOf},
		{"full clone, fetch of nothing: a third of the serving time", streams, third, 1. / 3, timeOf},
		{"full clone, fetch of nothing: a third of the CPU", streams, third, 1. / 3, cpuOf},
	} {
		cells := []any{bar.name}
		rows := slices.DeleteFunc(slices.Clone(bar.rows), func(r result) bool { return !bar.of(r) })
		for peer := range 2 {
			cells = append(cells, verdict(rows, func(r result) (string, bool) {
				ratio := r.ratio(peer, bar.f)
				return fmt.Sprintf("%.2f", ratio), ratio <= bar.most
			}))
		}
		row(w, cells...)
	}
	row(w, "memory of one operation under 16 MB", verdict(slices.Concat(streams, starts), func(r result) (string, bool) {
		return mib(r.cells[2].memory), r.cells[2].memory < mostMemory
	}), "")
	var refused []error
	for _, r := range append(slices.Clone(streams), clients...) {
		if r.refused != nil {
			refused = append(refused, fmt.Errorf("%s: %w", r.name(), r.refused))
		}
	}
	return errors.Join(refused...)
}

// verdict lists the rows that a bar does not hold in.
func verdict(rows []result, holds func(result) (string, bool)) string {
	var missed []string
	for _, r := range rows {
		if r.refused != nil {
			missed = append(missed, r.name()+" is refused")
		} else if shown, ok := holds(r); !ok {
			missed = append(missed, fmt.Sprintf("%s (%s): %s", r.name(), r.state, shown))
		}
	}
	if len(rows) == 0 {
		return "not measured"
	}
	if len(missed) == 0 {
		return "holds"
	}
	return "**misses**: " + strings.Join(missed, "; ")
}
