// Command cost lists what a stage costs a month while nobody uses it, from the
// golden templates, and what traffic adds. It is run in the folder cdk:
//
//	go run ./cmd/cost STAGE
package main

import (
	"fmt"
	"os"
	"path/filepath"

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
	return cost.Report(os.Stdout, templates)
}
