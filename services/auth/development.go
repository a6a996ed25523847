package auth

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"wikibot.io/pkg/account"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/names"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/pages"
	"wikibot.io/services/auth/provider"
)

// Users keeps users: see [records.Users].
type Users interface {
	account.Store
	UserByEmail(ctx context.Context, email string) (records.User, error)
}

// DevelopmentDeps is what the development sign-in needs.
type DevelopmentDeps struct {
	Hosts web.Hosts
	Users Users
	// Listen is the address that the process listens on, "host:port". A function,
	// which listens on none, leaves it empty and is judged by its hosts instead.
	Listen string
}

// Development is the sign-in that takes anybody at their word: a form that asks
// for an e-mail address and a username. It refuses to be made where it could be
// reached from another machine: the process must listen on loopback, or, if it
// does not listen at all, be reached by a name under .localhost, which resolves
// to the asker's own machine everywhere (RFC 6761 section 6.3).
func Development(d DevelopmentDeps) (SignIn, error) {
	if d.Users == nil || d.Hosts == (web.Hosts{}) {
		return nil, errors.New("new development sign-in: hosts and users are both needed")
	}
	if err := onlyHere(d.Listen, d.Hosts.Domain()); err != nil {
		return nil, fmt.Errorf("new development sign-in: it takes anybody at their word, so nobody else may reach it: %w", err)
	}
	p, err := pages.New(d.Hosts)
	if err != nil {
		return nil, err
	}
	return &development{hosts: d.Hosts, users: d.Users, pages: p}, nil
}

func onlyHere(listen, domain string) error {
	if listen == "" {
		if strings.HasSuffix(domain, ".localhost") {
			return nil
		}
		return fmt.Errorf("the host of the base URL must end in .localhost, and %q does not", domain)
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("listen address %q is not host:port", listen)
	}
	if strings.EqualFold(host, "localhost") {
		return nil
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Unmap().IsLoopback() {
		return nil
	}
	return fmt.Errorf("listen on loopback (127.0.0.1, ::1 or localhost), not on %q", listen)
}

type development struct {
	hosts web.Hosts
	users Users
	pages *pages.Pages
}

// form is the sign-in form as it is shown: what was typed, and what is wrong
// with it.
type form struct {
	Email, Username, ReturnTo string

	Wrong map[string][]string // messages by field
	Back  string              // host that the sign-in leads back to; "" for the root host
}

// Focus is the field to begin at: the first wrong one.
func (f form) Focus() string {
	if f.Wrong["email"] == nil && f.Wrong["username"] != nil {
		return "username"
	}
	return "email"
}

func (d *development) Begin(w http.ResponseWriter, _ *http.Request, returnTo string) error {
	return d.pages.Render(w, pages.Page{Name: "login", Status: http.StatusOK, Data: form{ReturnTo: returnTo, Back: hostOf(returnTo)}})
}

func (d *development) Renew(context.Context, []byte) ([]byte, error) { return nil, nil }

func (d *development) EndURL([]byte, string) string { return "" }

func (d *development) Callback() string { return "POST /auth/login" }

// Rate is for scripts that sign in many people: nobody else reaches it, and there
// is nothing to guess.
func (d *development) Rate() limit.Rate {
	return limit.Rate{Name: "sign in", Max: 1000, Window: time.Minute}
}

// Complete finds the user of a known e-mail address, or makes one of a new one
// that comes with a username. Without one, whoever is new will be asked for it.
func (d *development) Complete(w http.ResponseWriter, r *http.Request) (*Proven, error) {
	if err := readForm(w, r); err != nil {
		return nil, err
	}
	f := form{
		Email:    strings.TrimSpace(r.PostForm.Get("email")),
		Username: strings.TrimSpace(r.PostForm.Get("username")),
		ReturnTo: returnTo(d.hosts, r.PostForm.Get("return_to")),
	}
	u, err := d.userOf(r.Context(), f)
	if e, ok := errors.AsType[*fault.Error](err); ok && len(e.Fields) > 0 {
		f.Back, f.Wrong = hostOf(f.ReturnTo), map[string][]string{}
		for _, field := range e.Fields {
			f.Wrong[field.Name] = append(f.Wrong[field.Name], field.Msg)
		}
		web.RecordOf(r.Context()).Err = err
		return nil, d.pages.Render(w, pages.Page{Name: "login", Status: web.Status(err), Data: f})
	}
	if err != nil {
		return nil, err
	}
	return &Proven{
		Person: provider.Person{
			Identities: []records.Identity{account.DevIdentity(u.Email)}, Email: u.Email, EmailVerified: true,
		},
		ReturnTo: f.ReturnTo,
	}, nil
}

// userOf returns the user of the form; one without an id is new and nameless.
func (d *development) userOf(ctx context.Context, f form) (records.User, error) {
	if names.Email(f.Email) == nil {
		u, err := d.users.UserByEmail(ctx, f.Email)
		switch {
		case err == nil && (f.Username == "" || f.Username == u.Username):
			return u, nil
		case err == nil:
			return records.User{}, fault.Invalidf("username", "is not the one of this e-mail address: leave it empty to sign in")
		case !fault.Is(err, fault.NotFound):
			return records.User{}, err
		case f.Username == "":
			return records.User{Email: f.Email}, nil
		}
	}
	return account.Register(ctx, d.users, account.Registration{Email: f.Email, Username: f.Username})
}

// maxForm bounds a posted form, in bytes.
const maxForm = 16 << 10

// readForm reads a posted form of bounded size.
func readForm(w http.ResponseWriter, r *http.Request) error {
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		return fault.New(fault.Invalid, "sign in: the form must be sent as application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.TooLarge, "sign in: the form may have %d bytes", maxForm)
	}
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "sign in: the form cannot be read")
	}
	return nil
}
