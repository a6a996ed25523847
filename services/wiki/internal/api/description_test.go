package api

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write contracts/api/wiki.openapi.json")

// The description is a promise to clients that others generate from. It may
// change, but not by accident and not under the same version.
func TestDescriptionIsTheGoldenOne(t *testing.T) {
	golden := filepath.Join("..", "..", "..", "..", "contracts", "api", "wiki.openapi.json")
	got, err := Description()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(golden)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if string(got) == string(want) {
		return
	}
	if versionOf(t, want) == Version {
		t.Fatalf("the API changed but its version is still %s.\nRaise Version in api.go (see its comment), then run: go test ./services/wiki/internal/api -update\n%s",
			Version, cmp.Diff(string(want), string(got)))
	}
	if !*update {
		t.Fatalf("%s does not describe version %s yet; run: go test ./services/wiki/internal/api -update\n%s", golden, Version, cmp.Diff(string(want), string(got)))
	}
	if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(golden, got, 0o644); err != nil {
		t.Fatal(err)
	}
}

func versionOf(t *testing.T, description []byte) string {
	t.Helper()
	if len(description) == 0 {
		return ""
	}
	var d struct{ Info struct{ Version string } }
	if err := json.Unmarshal(description, &d); err != nil {
		t.Fatal(err)
	}
	return d.Info.Version
}
