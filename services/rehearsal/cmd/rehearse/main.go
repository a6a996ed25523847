// Command rehearse brings the fleet up from a deployment's templates and serves
// it on this machine until it is interrupted. "rehearse --help" lists the flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"wikibot.io/services/rehearsal"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type cli struct {
	Templates string        `placeholder:"DIR" help:"Folder of one stage's templates. Default: cdk/testdata/golden/dev."`
	Source    string        `placeholder:"DIR" help:"The repository. Default: the one around the working directory."`
	App       string        `placeholder:"DIR" help:"The built management app. Default: where scripts/build puts it."`
	Data      string        `placeholder:"DIR" help:"Folder for the functions' files. Default: one that is removed at the end."`
	Listen    string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Loopback address to serve on (${default})."`
	SignIn    signIn        `embed:"" prefix:"sign-in-"`
	FileDelay time.Duration `name:"file-delay" placeholder:"TIME" help:"What each operation on the functions' files costs, such as 2ms."`
	Chaos     bool          `help:"Let AWS fail at random, so that nothing may be lost but much takes longer."`
	Log       string        `enum:"all,rehearsal,off" default:"rehearsal" help:"What to log: all (what functions write too), rehearsal or off (${default})."`
}

// signIn is an OpenID Connect issuer on this machine. The secret of its client is
// in WIKIBOT_SIGN_IN_SECRET.
type signIn struct {
	Issuer string `placeholder:"URL" help:"Sign in at this OpenID Connect issuer. Default: the development sign-in."`
	Client string `placeholder:"ID" help:"The client's id there."`
}

func (s signIn) option() *rehearsal.SignIn {
	if s.Issuer == "" {
		return nil
	}
	return &rehearsal.SignIn{Kind: "oidc", Issuer: s.Issuer, ClientID: s.Client, Secret: os.Getenv("WIKIBOT_SIGN_IN_SECRET")}
}

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	exit := -1
	parser, err := kong.New(&c, kong.Name("rehearse"), kong.Description("Brings the fleet up from a deployment's templates, without an account."),
		kong.UsageOnError(), kong.Writers(stdout, stderr), kong.Exit(func(code int) { exit = code }))
	if err == nil {
		_, err = parser.Parse(args)
	}
	if exit >= 0 {
		return exit
	}
	if err == nil {
		err = c.serve(ctx, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "rehearse:", err)
		return 1
	}
	return 0
}

func (c *cli) serve(ctx context.Context, stdout, stderr io.Writer) error {
	o, err := c.options(stderr)
	if err != nil {
		return err
	}
	r, err := rehearsal.Start(ctx, o)
	if err != nil {
		return err
	}
	for _, note := range r.Notes() {
		o.Log.Info(note)
	}
	if c.Chaos {
		if err := r.SetWeather(rehearsal.Storm); err != nil {
			return errors.Join(err, r.Close())
		}
	}
	fmt.Fprintf(stdout, "wikibot serves at %s/\n", r.URL())
	<-ctx.Done()
	return errors.Join(r.Close(), r.Overruns())
}

func (c *cli) options(stderr io.Writer) (rehearsal.Options, error) {
	if c.Source == "" {
		var err error
		if c.Source, err = rehearsal.Repository(); err != nil {
			return rehearsal.Options{}, err
		}
	}
	in := func(dir, otherwise string) string {
		if dir != "" {
			return dir
		}
		return filepath.Join(c.Source, filepath.FromSlash(otherwise))
	}
	level, output := slog.LevelInfo, io.Discard
	if c.Log == "off" {
		level = slog.LevelError
	}
	if c.Log == "all" {
		output = stderr
	}
	return rehearsal.Options{
		Templates: in(c.Templates, rehearsal.Templates), Binaries: rehearsal.NewBinaries(c.Source, in("", rehearsal.Built)), App: in(c.App, rehearsal.App), Data: c.Data, Listen: c.Listen,
		SignIn: c.SignIn.option(), FileDelay: c.FileDelay, Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})), Output: output,
	}, nil
}
