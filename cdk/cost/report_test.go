package cost_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wikibot.io/cdk/cost"
)

var update = flag.Bool("update", false, "write the figures of docs/operations/cost.md anew")

// The figures of the cost page are those that the templates and the prices give.
func TestCostPage(t *testing.T) {
	files, err := filepath.Glob("../testdata/golden/prod/*.template.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden templates: %v", err)
	}
	templates := map[string][]byte{}
	for _, file := range files {
		if templates[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	var report bytes.Buffer
	if err := cost.Report(&report, templates); err != nil {
		t.Fatal(err)
	}
	const page, from, to = "../../docs/operations/cost.md", "<!-- go run ./cmd/cost prod -->\n", "<!-- so far -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), from)
	figures, after, ok2 := strings.Cut(rest, to)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for figures between %q and %q", page, from, to)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+from+report.String()+to+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if figures != report.String() {
		t.Errorf("%s is out of date, run in cdk: GOWORK=off go test ./cost -update", page)
	}
}
