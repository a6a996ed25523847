// Command cost lists what a stage costs a month while nobody uses it:
//
//	go run ./cmd/cost STAGE
//
// in the folder cdk, from the golden templates.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"wikibot.io/cdk/cost"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: go run ./cmd/cost STAGE")
	}
	files, err := filepath.Glob(filepath.Join("testdata", "golden", args[0], "*.template.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("there are no golden templates of stage %s", args[0])
	}
	templates := map[string][]byte{}
	for _, file := range files {
		if templates[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			return err
		}
	}
	bill, err := cost.Idle(templates)
	if err != nil {
		return err
	}
	fmt.Printf("| what | how many | each | a month |\n| --- | ---: | ---: | ---: |\n")
	for _, l := range append(slices.Clone(bill.Lines), bill.Firewall...) {
		fmt.Printf("| %s | %g | $%.3f | $%.2f |\n", l.What, l.Count, l.Each, l.Month())
	}
	fmt.Printf("| in all, without WAF | | | $%.2f |\n", cost.Total(bill.Lines))
	fmt.Printf("\nNothing while idle:")
	for _, kind := range slices.Sorted(maps.Keys(bill.Free)) {
		fmt.Printf(" %d %s,", bill.Free[kind], kind)
	}
	fmt.Println()
	return nil
}
