// Command bench measures the fleet side by side with a peer or a physical limit
// in the same run, and prints the ratios as Markdown. scripts/bench builds what
// it needs and runs it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/alecthomas/kong"
)

type cli struct {
	Pages    pagesBench    `cmd:"" help:"Page views, saves, histories, start-up."`
	Git      gitBench      `cmd:"" help:"The git remote, beside git http-backend."`
	Identity identityBench `cmd:"" help:"What it costs to prove who one is, beside asking as nobody."`
	Peer     peerServer    `cmd:"" hidden:"" help:"The bare server that page views are compared with."`
	CGI      cgiServer     `cmd:"" name:"cgi" hidden:"" help:"git http-backend, which the git remote is compared with."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var c cli
	k := kong.Parse(&c, kong.Name("bench"), kong.BindTo(ctx, (*context.Context)(nil)))
	k.FatalIfErrorf(k.Run())
}

type pagesBench struct {
	Bin    string        `default:"bin/wikibot" help:"The binary to measure."`
	Corpus string        `help:"Repository to measure with: a folder, bundle or URL. Default: a generated one."`
	Length time.Duration `default:"3s" help:"How long each page view run takes."`
	Saves  int           `default:"60" help:"Sequential saves to compare with git commit."`
}

// Run measures one thing after the other and prints a section for each.
func (b *pagesBench) Run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "wikibot-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	corpus := b.Corpus
	if corpus == "" {
		if corpus, err = generate(ctx, dir+"/corpus", 1500, 4000); err != nil {
			return err
		}
	}
	h, err := newHouse(ctx, b.Bin, dir, corpus)
	if err != nil {
		return err
	}
	defer h.stop()
	out := os.Stdout
	for _, part := range []func(context.Context, io.Writer, *house) error{b.start, b.views, b.derived, b.saves, b.writers} {
		if err := part(ctx, out, h); err != nil {
			return err
		}
	}
	return nil
}

func row(w io.Writer, cells ...any) {
	for _, c := range cells {
		fmt.Fprintf(w, "| %v ", c)
	}
	fmt.Fprintln(w, "|")
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000)
}
