package auth

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/pages"
	"wikibot.io/services/auth/provider"
)

// RemoteDeps is what the sign-in at a provider needs; all of it.
type RemoteDeps struct {
	Hosts    web.Hosts
	Provider provider.Provider
	Tickets  records.Tickets
}

// Remote is the sign-in at a provider: a page of its choices, or straight to it
// when there is one.
func Remote(d RemoteDeps) (SignIn, error) {
	if d.Hosts == (web.Hosts{}) || d.Provider == nil || d.Tickets == nil {
		return nil, errors.New("new sign-in at a provider: hosts, provider and tickets are all needed")
	}
	if len(d.Provider.Choices()) == 0 {
		return nil, errors.New("new sign-in at a provider: it offers no way in")
	}
	p, err := pages.New(d.Hosts)
	if err != nil {
		return nil, err
	}
	return &remote{hosts: d.Hosts, provider: d.Provider, tickets: d.Tickets, pages: p}, nil
}

type remote struct {
	hosts    web.Hosts
	provider provider.Provider
	tickets  records.Tickets
	pages    *pages.Pages
}

// An attempt is a ticket. What leads to it is the state, which goes to the
// provider and comes back, together with a secret that stays in the browser: a
// state from elsewhere leads to nothing here (RFC 6819 section 4.4.1.8), and any
// number of tabs can be on their way at once. Nonce and verifier are made of both
// and stored nowhere.
const (
	attemptTicket records.TicketKind = "attempt"
	attemptCookie                    = "__Host-wikibot-attempt"
	attemptLife                      = 10 * time.Minute
)

// attempt is what its ticket holds.
type attempt struct {
	Choice   string `json:"choice"`
	ReturnTo string `json:"return_to"`
	Fresh    bool   `json:"fresh,omitempty"`
}

func (s *remote) of(r *http.Request, secret, state string, a attempt) provider.Attempt {
	return provider.Attempt{
		State: state, Nonce: derive(secret, "nonce "+state), Verifier: derive(secret, "verifier "+state),
		Choice: a.Choice, Fresh: a.Fresh, RedirectURI: s.hosts.Root("/auth/callback"),
		Address: addressOf(r), UserAgent: r.UserAgent(),
	}
}

// addressOf is the address that a request comes from; "" when nobody knows.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	return addr.Unmap().WithZone("").String()
}

func attemptHash(secret, state string) string { return hashOf(derive(secret, "attempt "+state)) }

// wayIn is a button of the page of choices.
type wayIn struct{ Label, URL string }

func (s *remote) Begin(w http.ResponseWriter, r *http.Request, returnTo string) error {
	choices := s.provider.Choices()
	choice, again := r.URL.Query().Get("choice"), r.URL.Query().Has(fresh)
	for _, c := range choices {
		if c.ID == choice || len(choices) == 1 {
			return s.send(w, r, attempt{Choice: c.ID, ReturnTo: returnTo, Fresh: again})
		}
	}
	var ways []wayIn
	for _, c := range choices {
		q := url.Values{"choice": {c.ID}, "return_to": {returnTo}}
		if again {
			q.Set(fresh, "1")
		}
		ways = append(ways, wayIn{c.Label, "/auth/login?" + q.Encode()})
	}
	return s.pages.Render(w, pages.Page{Name: "choices", Status: http.StatusOK, Data: struct {
		Back string
		Ways []wayIn
	}{hostOf(returnTo), ways}})
}

// send begins an attempt and leads to the provider.
func (s *remote) send(w http.ResponseWriter, r *http.Request, a attempt) error {
	if !navigates(r) {
		return fault.New(fault.Unavailable, "sign in: a page that nobody has opened yet begins nothing")
	}
	secret := onlySecret(r, attemptCookie)
	if secret == "" {
		secret = newSecret()
	}
	state := newSecret()
	to, err := s.provider.Begin(r.Context(), s.of(r, secret, state, a))
	if err != nil {
		return &stray{err, a.ReturnTo}
	}
	data, err := plainJSON(a)
	if err == nil && len(data) > records.MaxTicket {
		a.ReturnTo = home
		data, err = plainJSON(a)
	}
	if err != nil {
		return err
	}
	now := time.Now()
	err = s.tickets.PutTicket(r.Context(), records.Ticket{
		Kind: attemptTicket, Hash: attemptHash(secret, state), Data: data, CreatedAt: now, ExpiresAt: now.Add(attemptLife),
	})
	if err != nil {
		return err
	}
	setSecret(w, attemptCookie, secret, attemptLife)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (s *remote) Callback() string { return "GET /auth/callback" }

// Rate is that of the design: enough for a household, little for a guesser.
func (s *remote) Rate() limit.Rate { return limit.Rate{Name: "sign in", Max: 20, Window: time.Minute} }

// Complete reads the way back from the provider. The attempt is spent before the
// provider is asked, so that no answer counts twice.
func (s *remote) Complete(_ http.ResponseWriter, r *http.Request) (*Proven, error) {
	query := r.URL.Query()
	secret, states := onlySecret(r, attemptCookie), query["state"]
	if secret == "" || len(states) != 1 || !isSecret(states[0]) {
		return nil, &stray{errNoAttempt(), home}
	}
	t, err := s.tickets.SpendTicket(r.Context(), attemptTicket, attemptHash(secret, states[0]), "", time.Now())
	if fault.Is(err, fault.NotFound) {
		return nil, &stray{errNoAttempt(), home}
	}
	if err != nil && !fault.Is(err, fault.Conflict) {
		return nil, err
	}
	var a attempt
	if err := json.Unmarshal(t.Data, &a); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, &stray{err, a.ReturnTo}
	}
	person, err := s.provider.Finish(r.Context(), s.of(r, secret, states[0], a), query)
	if err != nil {
		return nil, &stray{err, a.ReturnTo}
	}
	return &Proven{Person: person, ReturnTo: a.ReturnTo}, nil
}

func errNoAttempt() error {
	return fault.New(fault.NotFound, "sign in: this attempt was not begun in this browser, or longer than 10 minutes ago")
}

func (s *remote) Renew(ctx context.Context, held []byte) ([]byte, error) {
	return s.provider.Renew(ctx, held)
}

func (s *remote) EndURL(held []byte, returnTo string) string {
	return s.provider.EndURL(held, returnTo)
}

// stray is a sign-in at a provider that came to nothing, and where it was meant
// to lead.
type stray struct {
	err      error
	returnTo string
}

func (e *stray) Error() string { return e.err.Error() }

func (e *stray) Unwrap() error { return e.err }
