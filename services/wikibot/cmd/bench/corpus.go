package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
)

// generate makes a repository of the shape of a documentation wiki: pages in
// folders, with headings, links, lists and code, some 4 to 10 KB each, and a
// history of edits that write one section anew. The same arguments make the same
// repository.
func generate(ctx context.Context, dir string, pages, commits int) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := git(ctx, dir, "init", "-q", "--bare", "-b", "main"); err != nil {
		return "", err
	}
	rng := rand.New(rand.NewPCG(5, 6))
	texts := make([][]string, pages) // by section; the first part is the page's head
	var stream bytes.Buffer
	for c := range commits {
		message := fmt.Sprintf("Edit %d", c)
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter Writer %d <w%d@example.org> %d +0000\ndata %d\n%s\n", c%9, c%9, 1700000000+c*600, len(message), message)
		for n := range max(1, pages/commits+1) {
			i := c + n*commits
			if i >= pages {
				i = rng.IntN(pages)
			}
			if texts[i] == nil {
				texts[i] = page(rng, i, pages)
			} else {
				n := 1 + rng.IntN(len(texts[i])-1)
				texts[i][n] = section(rng, n, pages)
			}
			text := strings.Join(texts[i], "")
			fmt.Fprintf(&stream, "M 644 inline \"%s.md\"\ndata %d\n%s\n", pageName(i), len(text), text)
		}
	}
	cmd := exec.CommandContext(ctx, "git", "fast-import", "--quiet")
	cmd.Dir = dir
	cmd.Stdin = &stream
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make the corpus: %w\n%s", err, out)
	}
	// fast-import hardly looks for deltas; what comes from a host has been packed.
	return dir, git(ctx, dir, "repack", "-adfq")
}

func pageName(i int) string { return fmt.Sprintf("Section %d/Part %d/Page %d", i%20, i%7, i) }

var lorem = strings.Fields("the command returns a string when the pipeline ends and every module that imports the type parameter is not an error but a lifetime of its own in the sense of the reference so that readers may follow the argument from the first line to the last")

func page(rng *rand.Rand, i, pages int) []string {
	parts := []string{fmt.Sprintf("---\ntitle: Page %d\ncategory: reference\ntags: [t%d, all]\n---\n# Page %d\n\n", i, i%10, i)}
	for n := range 5 + rng.IntN(6) {
		parts = append(parts, section(rng, n+1, pages))
	}
	return parts
}

func section(rng *rand.Rand, n, pages int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Heading %d\n\n", n)
	for range 3 {
		for range 60 {
			b.WriteString(lorem[rng.IntN(len(lorem))])
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "See [[%s]].\n\n", pageName(rng.IntN(pages)))
	}
	b.WriteString("- one\n- two with `code`\n\n```go\nfunc main() { println(\"hello\") }\n```\n\n")
	return b.String()
}
