package auth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/pages"
)

// None is the sign-in of an installation that was not told yet who knows its
// people. It says so, with status 503; sessions, sign-out and the public keys
// work as always.
func None(hosts web.Hosts) (SignIn, error) {
	if hosts == (web.Hosts{}) {
		return nil, errors.New("new sign-in page: the hosts are needed")
	}
	p, err := pages.New(hosts)
	if err != nil {
		return nil, err
	}
	return none{p}, nil
}

type none struct{ pages *pages.Pages }

func (n none) Begin(w http.ResponseWriter, r *http.Request, returnTo string) error {
	err := fault.New(fault.Unavailable, "sign in: it is not set up on this installation")
	web.RecordOf(r.Context()).Err = err
	return n.pages.Render(w, pages.Page{Name: "no-sign-in", Status: web.Status(err), Data: struct{ Back string }{hostOf(returnTo)}})
}

func (n none) Renew(context.Context, []byte) ([]byte, error) {
	return nil, fault.New(fault.Unavailable, "renew the sign-in: it is not set up on this installation")
}

func (n none) EndURL([]byte, string) string { return "" }

func (n none) Callback() string { return "POST /auth/login" }

func (n none) Rate() limit.Rate { return limit.Rate{Name: "sign in", Max: 60, Window: time.Minute} }

func (n none) Complete(w http.ResponseWriter, r *http.Request) (*Proven, error) {
	return nil, n.Begin(w, r, home)
}
