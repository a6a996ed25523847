package auth

import (
	"errors"
	"net/http"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
)

// None is the sign-in of an installation that was not told yet who knows its
// people. It says so, with status 503; sessions, sign-out and the public keys
// work as always.
func None(hosts web.Hosts) (SignIn, error) {
	if hosts == (web.Hosts{}) {
		return nil, errors.New("new sign-in page: the hosts are needed")
	}
	p, err := newPages(hosts)
	if err != nil {
		return nil, err
	}
	return none{p}, nil
}

type none struct{ pages *pages }

func (n none) Begin(w http.ResponseWriter, r *http.Request, returnTo string) error {
	err := fault.New(fault.Unavailable, "sign in: it is not set up on this installation")
	web.RecordOf(r.Context()).Err = err
	return n.pages.render(w, web.Status(err), "no-sign-in", struct{ Back string }{hostOf(returnTo)})
}

func (n none) Callback() string { return "POST /auth/login" }

func (n none) Complete(w http.ResponseWriter, r *http.Request) (*Proven, error) {
	return nil, n.Begin(w, r, home)
}
