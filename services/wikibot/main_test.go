package wikibot_test

import (
	"os"
	"os/exec"
	"testing"
)

// TestMain builds the binary once, as users get it, and puts it first on PATH,
// beside the browser of the scripts.
func TestMain(m *testing.M) {
	os.Exit(withBinary(m))
}

func withBinary(m *testing.M) int {
	dir, err := os.MkdirTemp("", "wikibot-e2e-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", dir, "./cmd/wikibot", "../internal/e2e/cmd/visitor")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return 1
	}
	os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return m.Run()
}
