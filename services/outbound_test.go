package services_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// callers are the packages of the fleet that call out by HTTP, and what keeps
// each from being led where it should not go.
var callers = map[string]string{
	"services/auth/internal/outbound": "asks what strangers name: public addresses alone, by any name they have",
	"services/auth/provider":          "asks the provider that the operator has named",
	"pkg/identity/issuerkeys":         "asks the issuers that the operator trusts",
}

// A second way out would be a second place to keep requests from the inside of
// the network (OWASP: server-side request forgery).
func TestFewCallOut(t *testing.T) {
	roots := append([]string{"../pkg", "../contracts"}, services...)
	met := map[string]bool{}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "test/") {
				return err
			}
			folder := strings.TrimPrefix(filepath.Join("/services", filepath.Dir(path)), "/")
			for _, use := range callsOut(t, path) {
				if met[folder] = true; callers[folder] == "" {
					t.Errorf("%s uses http.%s.\n\tOnly these call out: %v.\n\tTo mend it: ask through services/auth/internal/outbound, or say here what keeps this from being led astray.", path, use, callers)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for folder := range callers {
		if !met[folder] {
			t.Errorf("%s calls out no more: take it from the list", folder)
		}
	}
}

// callsOut lists what a file uses of net/http that is a client.
func callsOut(t *testing.T, path string) (uses []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"net/http"` }) {
		return nil
	}
	name := func(n ast.Node) string {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "http" {
				return s.Sel.Name
			}
		}
		return ""
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if use := name(n.Type); use == "Client" || use == "Transport" {
				uses = append(uses, use)
			}
		case *ast.SelectorExpr:
			if use := name(n); slices.Contains([]string{"DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm"}, use) {
				uses = append(uses, use)
			}
		}
		return true
	})
	return uses
}
