// Command bench measures the fleet in the rehearsal, where files cost what they
// do on a network: how long views, saves and first views take, against the bars,
// and what each asks of DynamoDB and of the file system, which is what it costs.
// It prints Markdown and fails when a bar is not met.
//
//	bench [--file-delay 2ms] [--pages 150]
//
// It is run inside the repository, on a machine with nothing else to do.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"

	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/visitor"
)

type bench struct {
	FileDelay time.Duration `name:"file-delay" default:"2ms" help:"What each operation on the functions' files costs (${default})."`
	Pages     int           `default:"150" help:"Pages of the wiki that is measured (${default})."`
	Runs      int           `default:"200" help:"How often each warm thing is measured (${default})."`
	Cold      int           `default:"12" help:"How often each cold thing is measured (${default})."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var b bench
	kong.Parse(&b, kong.Name("bench"), kong.Description("Measure the fleet in the rehearsal."))
	met, err := b.run(ctx, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	if err != nil || !met {
		os.Exit(1)
	}
}

// stage is a rehearsal with a wiki that has pages.
type stage struct {
	bench
	*rehearsal.Rehearsal
	who   *visitor.Visitor
	log   *requestLog
	fresh int // numbers new pages
}

func (b bench) run(ctx context.Context, out io.Writer) (met bool, err error) {
	root, err := rehearsal.Repository()
	if err != nil {
		return false, err
	}
	in := func(path string) string { return filepath.Join(root, filepath.FromSlash(path)) }
	log := &requestLog{}
	r, err := rehearsal.Start(ctx, rehearsal.Options{
		Templates: in(rehearsal.Templates), App: in(rehearsal.App), Binaries: rehearsal.NewBinaries(root, in(rehearsal.Built)),
		CountFiles: true, Log: slog.New(slog.DiscardHandler), Output: log,
	})
	if err != nil {
		return false, err
	}
	defer r.Close()
	s := &stage{bench: b, Rehearsal: r, log: log}
	if err := s.furnish(ctx); err != nil {
		return false, err
	}
	r.SetFileDelay(b.FileDelay)
	fmt.Fprintf(out, "## The rehearsal\n\nA private wiki of %d pages, each saved by itself, so in a pack of its own; each operation on the functions' files costs %v; everything passes the edge.\n\n", b.Pages, b.FileDelay)
	met, err = s.times(ctx, out)
	if err != nil {
		return false, err
	}
	if err := s.costs(ctx, out); err != nil {
		return false, err
	}
	return met, s.crowds(ctx, out)
}

// furnish makes the wiki and its pages, before files become slow.
func (s *stage) furnish(ctx context.Context) (err error) {
	if s.who, err = visitor.SignUp(ctx, s.URL(), "bench", false); err != nil {
		return err
	}
	for i := range s.Pages {
		if err := s.ok(s.who.Save(ctx, page(i), text(i, s.Pages))); err != nil {
			return fmt.Errorf("make page %d: %w", i, err)
		}
	}
	return s.Settle(ctx)
}

func page(i int) string { return fmt.Sprintf("Section %d/Part %d/Page %d", i%12, i%5, i) }

// text is a page of some 3 KB, with links.
func text(i, pages int) string {
	t := fmt.Sprintf("# Page %d\n\n", i)
	for n := range 8 {
		t += fmt.Sprintf("## Heading %d\n\nWhatever is said about the thing at hand follows from what was said before, and is linked: [[%s]]. "+
			"A paragraph has some sentences, so that rendering it is some work, and so has the next one.\n\n- first\n- second with `code`\n\n", n, page((i*7+n)%pages))
	}
	return t
}

// ok makes an error of an answer that is none.
func (s *stage) ok(a visitor.Answer, err error) error {
	if err == nil && a.Status >= 300 {
		err = fmt.Errorf("status %d: %.300s", a.Status, a.Body)
	}
	return err
}
