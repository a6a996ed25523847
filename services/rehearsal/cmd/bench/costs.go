package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// costs prints what each thing asks of DynamoDB and of the file system: first
// while somebody waits for it, then what follows from its events.
func (s *stage) costs(ctx context.Context, out io.Writer) error {
	fmt.Fprint(out, "### What each asks for\n\nAverage of ten. Units are DynamoDB's read (RRU) and write (WRU) request units. Afterwards: what relay, embedding and management do about the event.\n\n"+
		"| | requests to DynamoDB | RRU | WRU | operations on files |\n| --- | --- | --- | --- | --- |\n")
	if err := s.Settle(ctx); err != nil {
		return err
	}
	for _, row := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"page view, signed in", func(ctx context.Context) error { return s.ok(s.who.View(ctx, page(9))) }},
		{"page view, another page each time", s.otherView},
		{"REST read", func(ctx context.Context) error { _, err := s.who.Read(ctx, page(9)); return err }},
		{"REST search", func(ctx context.Context) error { return s.ok(s.who.Search(ctx, "paragraph")) }},
		{"page save", s.save},
		{"MCP read_note", s.toolRead},
		{"MCP write_note", s.toolWrite},
	} {
		if err := s.cost(ctx, out, row.name, row.do); err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
	}
	return s.cost(ctx, out, "first view, functions cold", func(ctx context.Context) error {
		s.Reset()
		return s.ok(s.who.View(ctx, page(7)))
	})
}

func (s *stage) otherView(ctx context.Context) error {
	s.fresh++
	return s.ok(s.who.View(ctx, page(20+s.fresh%100)))
}

// repeats is how often a thing is counted.
const repeats = 10

// doors are the functions that somebody waits for in what is measured here.
var doors = []string{"wiki", "mcp"}

func (s *stage) cost(ctx context.Context, out io.Writer, name string, do func(context.Context) error) error {
	for range 2 { // what a process learns once is not counted
		if err := errors.Join(do(ctx), s.Settle(ctx)); err != nil {
			return err
		}
	}
	s.Meter().Reset()
	before := s.files()
	for range repeats {
		// One after the other: events of a burst would each find a sandbox of their
		// own, and start it.
		if err := errors.Join(do(ctx), s.Settle(ctx)); err != nil {
			return err
		}
	}
	after := s.files()
	s.costRow(out, name, before, after, func(f string) bool { return slices.Contains(doors, f) })
	s.costRow(out, name+": afterwards", before, after, func(f string) bool { return !slices.Contains(doors, f) })
	return nil
}

func (s *stage) files() map[string]map[string]int64 {
	all := map[string]map[string]int64{}
	for _, f := range s.Functions() {
		all[f.Service] = f.FileOperations()
	}
	return all
}

func (s *stage) costRow(out io.Writer, name string, before, after map[string]map[string]int64, counts func(function string) bool) {
	calls, reads, writes := map[string]int{}, 0.0, 0.0
	for kind, c := range s.Meter().Counts() {
		if !counts(kind.Function) {
			continue
		}
		if c.Calls > 0 && (isRead(kind.Action) || isWrite(kind.Action)) {
			calls[kind.Action] += c.Calls
		}
		if isRead(kind.Action) {
			reads += c.Units
		} else {
			writes += c.Units
		}
	}
	operations := map[string]int64{}
	for function, kinds := range after {
		for kind, n := range kinds {
			if counts(function) && n > before[function][kind] {
				operations[kind] += n - before[function][kind]
			}
		}
	}
	if len(calls)+len(operations) == 0 && strings.HasSuffix(name, "afterwards") {
		return
	}
	fmt.Fprintf(out, "| %s | %s | %.1f | %.1f | %s |\n", name, shares(calls), reads/repeats, writes/repeats, shares(operations))
}

// shares writes counts as averages: "1.0 GetItem, 0.5 Query".
func shares[N int | int64](counts map[string]N) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%.1f %s", float64(counts[name])/repeats, name))
	}
	if list == nil {
		return "none"
	}
	return strings.Join(list, ", ")
}

func isRead(action string) bool {
	return slices.Contains([]string{"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"}, action)
}

func isWrite(action string) bool {
	return slices.Contains([]string{"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}, action)
}
