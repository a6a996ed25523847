package cost

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// Report prints, in Markdown, what a stage costs while idle and what traffic
// adds, from the stage's templates by name of stack.
func Report(out io.Writer, templates map[string][]byte) error {
	bill, err := Idle(templates)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "| what | how many | each | a month |\n| --- | ---: | ---: | ---: |\n")
	for _, l := range append(slices.Clone(bill.Lines), bill.Firewall...) {
		fmt.Fprintf(out, "| %s | %g | $%.3f | $%.2f |\n", l.What, l.Count, l.Each, l.Month())
	}
	fmt.Fprintf(out, "| in all, without WAF | | | $%.2f |\n", Total(bill.Lines))
	fmt.Fprintf(out, "\nNothing while idle:")
	for _, kind := range slices.Sorted(maps.Keys(bill.Free)) {
		fmt.Fprintf(out, " %d %s,", bill.Free[kind], kind)
	}
	fmt.Fprintln(out)
	traffic(out, Total(bill.Lines)+Total(bill.Firewall), len(bill.Firewall) > 0)
	return nil
}

// traffic prints what wikis that are used add, and what they ask for.
func traffic(out io.Writer, idle float64, firewall bool) {
	sizes := []float64{100, 10_000, 1_000_000}
	fmt.Fprintf(out, "\n| a month, with | 100 wikis | 10,000 | 1,000,000 |\n| --- | ---: | ---: | ---: |\n")
	rows := Month(1, Average, firewall)
	for i := range rows {
		fmt.Fprintf(out, "| %s |", rows[i].What)
		for _, n := range sizes {
			l := Month(n, Average, firewall)[i]
			fmt.Fprintf(out, " $%.2f |", l.Month())
		}
		fmt.Fprintln(out)
	}
	fmt.Fprint(out, "| idle |")
	for range sizes {
		fmt.Fprintf(out, " $%.2f |", idle)
	}
	fmt.Fprint(out, "\n| in all |")
	for _, n := range sizes {
		fmt.Fprintf(out, " $%.0f |", idle+Total(Month(n, Average, firewall)))
	}
	fmt.Fprint(out, "\n| for each wiki |")
	for _, n := range sizes {
		fmt.Fprintf(out, " $%.4f |", (idle+Total(Month(n, Average, firewall)))/n)
	}
	fmt.Fprintf(out, "\n\n| at the busiest, with | 100 wikis | 10,000 | 1,000,000 |\n| --- | ---: | ---: | ---: |\n")
	for _, row := range []struct {
		what string
		of   func(Load) float64
	}{
		{"requests a second", func(l Load) float64 { return l.Requests }},
		{"saves a second", func(l Load) float64 { return l.Saves }},
		{"functions at once", func(l Load) float64 { return l.Sandboxes }},
		{"record reads a second (RRU)", func(l Load) float64 { return l.Reads }},
		{"record writes a second (WRU)", func(l Load) float64 { return l.Writes }},
		{"operations on files a second", func(l Load) float64 { return l.Files }},
		{"files", func(l Load) float64 { return l.FilesCount }},
		{"GB of files", func(l Load) float64 { return l.GB }},
	} {
		fmt.Fprintf(out, "| %s |", row.what)
		for _, n := range sizes {
			fmt.Fprintf(out, " %.4g |", row.of(Busiest(n, Average)))
		}
		fmt.Fprintln(out)
	}
}
