package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
)

// initLine is a line of GODEBUG=inittrace=1: "init PACKAGE @AT ms, TOOK ms clock,
// BYTES bytes, N allocs".
var initLine = regexp.MustCompile(`(?m)^init (\S+) @[0-9.]+ ms, ([0-9.]+) ms clock, ([0-9]+) bytes`)

// profile prints what packages do before main, the most expensive first.
func (w *world) profile(ctx context.Context, out io.Writer, name string) error {
	at := slices.IndexFunc(functions, func(f function) bool { return string(f.service) == name })
	if at < 0 {
		return fmt.Errorf("there is no function %q", name)
	}
	var said bytes.Buffer
	fn, err := w.function(ctx, functions[at].service, &said, "GODEBUG=inittrace=1")
	if err != nil {
		return err
	}
	payload, err := json.Marshal(functions[at].payload(w))
	if err != nil {
		return err
	}
	_, err = fn.Invoke(ctx, payload)
	if closeErr := fn.Close(); err == nil {
		err = closeErr // also the moment from which on nothing is written to said
	}
	if err != nil {
		return err
	}
	type cost struct {
		path  string
		took  float64
		bytes int
	}
	var costs []cost
	sum := cost{path: "all"}
	for _, m := range initLine.FindAllStringSubmatch(said.String(), -1) {
		took, _ := strconv.ParseFloat(m[2], 64) // as matched
		n, _ := strconv.Atoi(m[3])
		costs = append(costs, cost{m[1], took, n})
		sum.took, sum.bytes = sum.took+took, sum.bytes+n
	}
	slices.SortFunc(costs, func(a, b cost) int { return int(1000*b.took) - int(1000*a.took) })
	fmt.Fprintln(out, "| package | initialisation | allocates |\n| --- | --: | --: |")
	for _, c := range append([]cost{sum}, costs[:min(15, len(costs))]...) {
		fmt.Fprintf(out, "| %s | %.2f ms | %d kB |\n", c.path, c.took, c.bytes/1024)
	}
	return nil
}
