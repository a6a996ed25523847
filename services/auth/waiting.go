package auth

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/services/auth/provider"
)

// waiting is somebody who has proved who they are and is to decide something
// before they are signed in. It is a ticket whose secret is in the browser alone;
// what the provider gave is sealed with it.
type waiting struct {
	Person   provider.Person
	ReturnTo string
}

// The kinds of waiting: to choose a username, and to come back.
const (
	newcomerTicket records.TicketKind = "newcomer"
	leavingTicket  records.TicketKind = "leaving"
	waitingLife                       = 30 * time.Minute
)

func waitingCookie(kind records.TicketKind) string { return "__Host-wikibot-" + string(kind) }

// await leads to the page where somebody decides.
func (s *Service) await(w http.ResponseWriter, r *http.Request, kind records.TicketKind, to string, p waiting) error {
	plain, err := p.plain()
	if err != nil {
		return err
	}
	secret, now := newSecret(), time.Now()
	sealed, err := seal(secret, string(kind), plain)
	if err != nil {
		return err
	}
	err = s.records.PutTicket(r.Context(), records.Ticket{
		Kind: kind, Hash: hashOf(secret), Data: sealed, CreatedAt: now, ExpiresAt: now.Add(waitingLife),
	})
	if err != nil {
		return err
	}
	setSecret(w, waitingCookie(kind), secret, waitingLife)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// plain is what is sealed into the ticket. What would not fit is left out: without
// what the provider gave its session is not renewed.
func (p waiting) plain() ([]byte, error) {
	const most = records.MaxTicket - 64 // beside what seal adds
	text, err := plainJSON(p)
	if err == nil && len(text) > most {
		p.Person.Held = nil
		text, err = plainJSON(p)
	}
	if err == nil && len(text) > most {
		p.ReturnTo = home
		text, err = plainJSON(p)
	}
	return text, err
}

// plainJSON spells an address as it is: in HTML's clothes it can have six times the
// length.
func plainJSON(v any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return text.Bytes(), err
}

// awaited returns who waits in this browser. fault.NotFound when nobody does, or
// no more.
func (s *Service) awaited(r *http.Request, kind records.TicketKind) (p waiting, hash string, err error) {
	nobody := fault.New(fault.NotFound, "sign in: nobody waits here any more: begin again")
	secret := onlySecret(r, waitingCookie(kind))
	if secret == "" {
		return waiting{}, "", nobody
	}
	t, err := s.records.Ticket(r.Context(), kind, hashOf(secret), time.Now())
	switch {
	case fault.Is(err, fault.NotFound), err == nil && !t.SpentAt.IsZero():
		return waiting{}, "", nobody
	case err != nil:
		return waiting{}, "", err
	}
	plain, err := unseal(secret, string(kind), t.Data)
	if err != nil {
		return waiting{}, "", err
	}
	return p, t.Hash, json.Unmarshal(plain, &p)
}

// admitted spends the ticket of somebody who has decided. Whoever comes second, by
// a form sent twice, is signed in all the same: it is the same browser.
func (s *Service) admitted(w http.ResponseWriter, r *http.Request, kind records.TicketKind, hash string) error {
	_, err := s.records.SpendTicket(r.Context(), kind, hash, "", time.Now())
	if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound) {
		return err
	}
	setSecret(w, waitingCookie(kind), "", -1)
	return nil
}

// beginAgain leads whoever waits no more to the sign-in, which knows who is in
// already.
func (s *Service) beginAgain(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/auth/login", http.StatusSeeOther)
	return nil
}

// again is the address of another try that leads to the same place.
func again(returnTo string) string {
	return "/auth/login?" + url.Values{"return_to": {returnTo}}.Encode()
}

// fresh asks a sign-in, as a parameter of its address, for a choice of accounts,
// whoever is signed in here and at the provider.
const fresh = "fresh"

// anew is the address of a try as somebody else. Without fresh a provider that
// knows who is in would send them straight back.
func anew(returnTo string) string {
	return "/auth/login?" + url.Values{"return_to": {returnTo}, fresh: {"1"}}.Encode()
}
