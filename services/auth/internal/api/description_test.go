package api_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/services/auth/internal/api"
)

var update = flag.Bool("update", false, "write contracts/api/account.openapi.json")

// TestDescription holds the API to its description, which clients are generated
// from. What clients rely on does not change under the same version, so the
// version is part of the check: -update alone does not get past it.
func TestDescription(t *testing.T) {
	golden := filepath.Join("..", "..", "..", "..", "contracts", "api", "account.openapi.json")
	got, err := newSite(t).api.Describe()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(golden)
	if err != nil && !(os.IsNotExist(err) && *update) {
		t.Fatalf("%v\nto write the first description: go test ./auth/internal/api -run TestDescription -update", err)
	}
	diff := cmp.Diff(string(want), string(got))
	if diff == "" {
		return
	}
	if version := versionOf(t, want); version == api.Version {
		t.Fatalf("the API has changed but its version is still %s (-described +actual):\n%s\n"+
			"if that was meant: raise Version in services/auth/internal/api/api.go, then run\n"+
			"  go test ./auth/internal/api -run TestDescription -update\nand generate the clients anew", version, diff)
	}
	if !*update {
		t.Fatalf("the description is of another version than %s (-described +actual):\n%s\n"+
			"to write it anew: go test ./auth/internal/api -run TestDescription -update", api.Version, diff)
	}
	if err := os.WriteFile(golden, got, 0o644); err != nil {
		t.Fatal(err)
	}
}

// versionOf returns the version that a description states, "" for none.
func versionOf(t *testing.T, description []byte) string {
	t.Helper()
	var d struct {
		Info struct{ Version string }
	}
	if len(description) == 0 {
		return ""
	}
	if err := json.Unmarshal(description, &d); err != nil {
		t.Fatal(err)
	}
	return d.Info.Version
}
