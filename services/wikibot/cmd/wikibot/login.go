package main

import (
	"fmt"
	"os"
	"runtime"

	fleets "wikibot.io/services/wikibot/internal/cli" // the commands of this one are called cli
)

type login struct {
	URL       string `arg:"" help:"Address of the site, such as https://wikibot.io."`
	NoBrowser bool   `name:"no-browser" help:"Show an address and a code to use in a browser elsewhere; also what happens where there is no screen."`
}

func (l *login) Run(e *env) error {
	keep, err := fleets.UserKeep()
	if err != nil {
		return err
	}
	open := fleets.Browser(runtime.GOOS, os.Getenv)
	if l.NoBrowser {
		open = nil
	}
	c, err := client(e, keep, open)
	if err != nil {
		return err
	}
	me, err := c.Login(e.ctx, l.URL)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "Signed in at %s as %s (%s).\nThe token is in %s; it opens your wikis to git, as the password, and to REST.\n", me.URL, me.Username, me.Email, keep.Path())
	return nil
}

type whoami struct {
	URL  string `arg:"" optional:"" help:"Address of the site; not needed if you are signed in at one only."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (w *whoami) Run(e *env) error {
	keep, err := fleets.UserKeep()
	if err != nil {
		return err
	}
	c, err := client(e, keep, nil)
	if err != nil {
		return err
	}
	me, err := c.WhoAmI(e.ctx, w.URL)
	if err != nil {
		return err
	}
	if w.JSON {
		return printJSON(e.stdout, me)
	}
	fmt.Fprintf(e.stdout, "%s (%s) at %s\n", me.Username, me.Email, me.URL)
	return nil
}

type logout struct {
	URL string `arg:"" optional:"" help:"Address of the site; not needed if you are signed in at one only."`
}

func (l *logout) Run(e *env) error {
	keep, err := fleets.UserKeep()
	if err != nil {
		return err
	}
	c, err := client(e, keep, nil)
	if err != nil {
		return err
	}
	return c.Logout(e.ctx, l.URL)
}

func client(e *env, keep fleets.Keep, open func(string) error) (*fleets.Client, error) {
	device, err := os.Hostname()
	if err != nil {
		device = "" // the fleet finds a name
	}
	return fleets.New(fleets.Deps{Keep: keep, HTTP: fleets.NewHTTP(), Device: device, Open: open, Out: e.stdout})
}
