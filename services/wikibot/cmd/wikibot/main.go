// Command wikibot runs the fleet in one process, does an operator's work on its
// data folder, and signs a person in at a fleet. "wikibot --help" lists the
// commands.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/upkeep"
	"wikibot.io/pkg/wiki"
	"wikibot.io/services/wikibot"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type cli struct {
	Serve  serve  `cmd:"" help:"Serve the whole fleet from one data folder."`
	Login  login  `cmd:"" help:"Sign in at a site, with the browser, and keep a token: the password for git, and the key to REST."`
	Whoami whoami `cmd:"" help:"Say who you are signed in as."`
	Logout logout `cmd:"" help:"End and forget the token."`
	Admin  admin  `cmd:"" help:"An operator's work on a data folder; also while it is being served."`
}

type admin struct {
	CreateUser createUser `cmd:"" help:"Make a user."`
	CreateWiki createWiki `cmd:"" help:"Make a wiki, empty or with the whole history of a repository."`
	Maintain   maintain   `cmd:"" help:"Consolidate the packs of wikis, which saves do by themselves every now and then, and remove what that replaced."`
	Fsck       fsck       `cmd:"" help:"Read whole wikis and compare them with themselves and with the records; changes nothing. Exit status 1 if anything is wrong."`
	RotateKeys rotateKeys `cmd:"" help:"Begin a rotation of the keys that sign sessions. Nobody notices it."`
	Reconcile  reconcile  `cmd:"" help:"Bring records and repositories together after one of them was restored from a backup. Nobody may be serving the folder."`
}

// env is what a command works with.
type env struct {
	ctx    context.Context
	stdout io.Writer
	stderr io.Writer
}

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("wikibot"),
		kong.Description("The home for wikis that people and AI agents write together."),
		kong.UsageOnError(), kong.Writers(stdout, stderr), kong.Exit(func(code int) { exit = code }),
	)
	if err != nil {
		fmt.Fprintln(stderr, "wikibot:", err)
		return 1
	}
	kctx, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		parser.FatalIfErrorf(err)
		return 2
	}
	if err := kctx.Run(&env{ctx, stdout, stderr}); err != nil {
		fmt.Fprintln(stderr, "wikibot:", err)
		return 1
	}
	return 0
}

type serve struct {
	Data    string `required:"" placeholder:"DIR" help:"Folder that holds everything; made if it is not there."`
	Listen  string `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address to serve on (${default})."`
	BaseURL string `name:"base-url" placeholder:"URL" help:"Where people reach the root host; wikis are on its subdomains. Default: http://wikibot.localhost on the port of --listen."`
	Log     string `enum:"text,json,off" default:"text" help:"How to log requests and events: text, json or off (${default})."`

	SignIn       string         `enum:"development,oidc,workos,none" default:"development" help:"Who knows people: development (takes anybody at their word, so it is for loopback alone), oidc (any OpenID Connect issuer), workos (WorkOS AuthKit) or none (${default})."`
	SignInIssuer string         `placeholder:"URL" help:"The OpenID Connect issuer. Its client's redirect address is /auth/callback on the root host."`
	SignInClient string         `placeholder:"ID" help:"The client's id at the provider. Its secret, or WorkOS's API key, is read from the environment: WIKIBOT_SIGN_IN_SECRET."`
	TrustIssuer  []string       `placeholder:"URL[=ROLE]" help:"Let access tokens of another authorization server open wikis, for users who signed in there; what they may do without a scope of ours: viewer or editor (viewer). May be repeated."`
	Proxy        []netip.Prefix `placeholder:"NETWORK" help:"Network of reverse proxies whose X-Forwarded-For is believed, such as 127.0.0.0/8. May be repeated."`
}

func (s *serve) Run(e *env) error {
	var h slog.Handler
	switch s.Log {
	case "json":
		h = slog.NewJSONHandler(e.stderr, nil)
	case "off":
		h = slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})
	default:
		h = slog.NewTextHandler(e.stderr, nil)
	}
	config, err := s.config()
	if err != nil {
		return err
	}
	f, err := wikibot.Open(config, slog.New(h))
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "wikibot serves at %s\n", f.URL())
	return f.Serve(e.ctx)
}

func (s *serve) config() (wikibot.Config, error) {
	c := wikibot.Config{
		Data: s.Data, Listen: s.Listen, BaseURL: s.BaseURL, Proxies: s.Proxy,
		SignIn: wikibot.SignIn{Kind: s.SignIn, Issuer: s.SignInIssuer, ClientID: s.SignInClient, Secret: os.Getenv("WIKIBOT_SIGN_IN_SECRET")},
	}
	for _, t := range s.TrustIssuer {
		issuer, role, given := strings.Cut(t, "=")
		if !given {
			role = string(records.Viewer)
		}
		if role != string(records.Viewer) && role != string(records.Editor) {
			return c, fmt.Errorf("--trust-issuer %s: the role %q is none of viewer, editor", issuer, role)
		}
		c.Trusted = append(c.Trusted, wikibot.Trusted{Issuer: issuer, Role: records.Role(role)})
	}
	return c, nil
}

type dataFlags struct {
	Data    string `required:"" placeholder:"DIR" help:"The data folder."`
	BaseURL string `name:"base-url" placeholder:"URL" help:"Where the fleet is reached, for the addresses printed. Default: where the folder is being served, or was last."`
}

func (d dataFlags) open(e *env) (*wikibot.Admin, error) {
	return wikibot.OpenAdmin(d.Data, d.BaseURL, slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

type createUser struct {
	dataFlags
	Email    string `required:"" help:"The e-mail address they sign in with."`
	Username string `required:"" help:"3 to 30 of a-z, 0-9 and hyphens."`
	Tier     string `enum:"free,premium" default:"free" help:"Plan: free or premium (${default})."`
}

func (c *createUser) Run(e *env) error {
	a, err := c.open(e)
	if err != nil {
		return err
	}
	defer a.Close()
	u, err := a.CreateUser(e.ctx, c.Email, c.Username, records.Tier(c.Tier))
	if err != nil {
		return err
	}
	return printJSON(e.stdout, map[string]string{"id": u.ID, "username": u.Username, "email": u.Email, "tier": string(u.Tier)})
}

type createWiki struct {
	dataFlags
	Owner  string `required:"" placeholder:"EMAIL" help:"E-mail address of the user who will own it."`
	Slug   string `required:"" help:"Its address: the first part of its host name."`
	Name   string `required:"" help:"What it is called."`
	Public bool   `help:"Let anyone read it."`
	From   string `placeholder:"REPO" help:"Take this git repository over as it is, whole history and commit ids: a folder, a .bundle file or a URL."`
}

func (c *createWiki) Run(e *env) error {
	a, err := c.open(e)
	if err != nil {
		return err
	}
	defer a.Close()
	show := progress{w: e.stderr}
	w, err := a.CreateWiki(e.ctx, wikibot.WikiRequest{Owner: c.Owner, Slug: c.Slug, Name: c.Name, Public: c.Public, From: c.From}, show.step)
	show.end()
	if err != nil {
		return err
	}
	return printJSON(e.stdout, w)
}

type wikiFlags struct {
	dataFlags
	Slug string `required:"" xor:"which" placeholder:"SLUG" help:"The wiki at this address."`
	All  bool   `required:"" xor:"which" help:"Every wiki."`
}

type maintain struct{ wikiFlags }

func (c *maintain) Run(e *env) error {
	a, err := c.open(e)
	if err != nil {
		return err
	}
	defer a.Close()
	return a.Maintain(e.ctx, c.Slug, func(r upkeep.Report) error { return json.NewEncoder(e.stdout).Encode(r) })
}

type fsck struct{ wikiFlags }

func (c *fsck) Run(e *env) error {
	a, err := c.open(e)
	if err != nil {
		return err
	}
	defer a.Close()
	problems := 0
	err = a.Fsck(e.ctx, c.Slug, func(v upkeep.Verdict) error {
		problems += len(v.Problems)
		return json.NewEncoder(e.stdout).Encode(v)
	})
	if problems > 0 {
		err = errors.Join(err, fmt.Errorf("%d problems were found: docs/operations/maintenance.md says what to do", problems))
	}
	return err
}

type rotateKeys struct {
	dataFlags
	Replace bool `help:"For a key that got out: make all keys worthless at once, with all that they signed."`
}

func (c *rotateKeys) Run(e *env) error {
	a, err := c.open(e)
	if err != nil {
		return err
	}
	defer a.Close()
	return a.RotateKeys(e.ctx, c.Replace)
}

type reconcile struct{ dataFlags }

func (c *reconcile) Run(e *env) error {
	a, err := c.open(e)
	if err != nil {
		return err
	}
	defer a.Close()
	found := []wiki.Reconciliation{}
	err = a.Reconcile(e.ctx, func(r wiki.Reconciliation) { found = append(found, r) })
	return errors.Join(err, printJSON(e.stdout, found))
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// progress shows long work on one line for each stage, on standard error, so
// that standard output stays JSON.
type progress struct {
	w     io.Writer
	stage string
	last  int64
}

func (p *progress) step(s gitstore.Progress) {
	if s.Stage != p.stage {
		p.end()
		p.stage, p.last = s.Stage, 0
	}
	if s.Total > 0 && s.Done < s.Total && s.Done-p.last < s.Total/50 {
		return
	}
	p.last = s.Done
	if s.Total > 0 {
		fmt.Fprintf(p.w, "\r%s: %d of %d", s.Stage, s.Done, s.Total)
	} else {
		fmt.Fprintf(p.w, "\r%s: %d", s.Stage, s.Done)
	}
}

func (p *progress) end() {
	if p.stage != "" {
		fmt.Fprintln(p.w)
	}
	p.stage = ""
}
