// Command coldstart measures every function of the fleet from process start to
// its first answer, and the answers after that, and prints Markdown:
//
//	coldstart [-runs 20] [-warm 200] [-profile FUNCTION]
//
// It is run at the root of the repository. It builds each binary twice: as it is
// deployed, for its size, and for this machine, to run it under the Lambda Runtime
// API against DynamoDB Local and a folder. What Lambda needs to make a sandbox and
// to load the code is not in the figures. It fails when a bar is not met.
//
// With -profile it prints what the initialisation of packages costs instead.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// The bars: a first answer in 300 ms, 40 MB zipped.
const (
	barFirst = 300 * time.Millisecond
	barSize  = 40 << 20
)

func main() {
	runs := flag.Int("runs", 20, "cold starts of each function")
	warm := flag.Int("warm", 200, "warm invocations of each function")
	profile := flag.String("profile", "", "print what the initialisation of this function's packages costs")
	flag.Parse()
	met, err := run(context.Background(), os.Stdout, *runs, *warm, *profile)
	if err != nil {
		fmt.Fprintln(os.Stderr, "coldstart:", err)
		os.Exit(1)
	}
	if !met {
		fmt.Fprintln(os.Stderr, "coldstart: a bar is not met")
		os.Exit(1)
	}
}

// run measures and reports whether all bars are met.
func run(ctx context.Context, out io.Writer, runs, warm int, profile string) (met bool, err error) {
	dir, err := os.MkdirTemp("", "wikibot-coldstart-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	w, err := newWorld(ctx, dir)
	if err != nil {
		return false, err
	}
	defer w.close()
	if profile != "" {
		return true, w.profile(ctx, out, profile)
	}
	fmt.Fprintln(out, "| function | zipped | ready | first answer, p50 | p99 | CPU time | warm, p50 | p99 | |")
	fmt.Fprintln(out, "| --- | --: | --: | --: | --: | --: | --: | --: | --- |")
	met = true
	for _, f := range functions {
		m, err := w.measure(ctx, f, runs, warm)
		if err != nil {
			return false, fmt.Errorf("%s: %w", f.service, err)
		}
		verdict := "met"
		if percentile(m.first, 99) > barFirst || m.size > barSize {
			verdict, met = "**missed**", false
		}
		fmt.Fprintf(out, "| %s: %s | %.1f MB | %s | %s | %s | %s | %s | %s | %s |\n", f.service, f.does, float64(m.size)/(1<<20),
			show(percentile(m.ready, 50)), show(percentile(m.first, 50)), show(percentile(m.first, 99)),
			show(percentile(m.cpu, 50)), show(percentile(m.warm, 50)), show(percentile(m.warm, 99)), verdict)
	}
	fmt.Fprintf(out, "\n%d cold starts and %d warm invocations each. Ready: process start to the first request for an invocation. CPU time: of a process that answered once, p50. Bars: first answer %s at p99, %d MB zipped.\n",
		runs, warm, show(barFirst), barSize>>20)
	return met, nil
}

func show(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

// percentile is by nearest rank: no value that was not measured.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[max(0, (p*len(sorted)+99)/100-1)]
}
