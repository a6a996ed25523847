package oauth

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/pages"
)

// The kinds of ticket of this package.
const (
	consentTicket records.TicketKind = "oauth.consent"
	codeTicket    records.TicketKind = "oauth.code"
	deviceTicket  records.TicketKind = "oauth.device"         // of the program that polls
	userTicket    records.TicketKind = "oauth.user-code"      // of what is typed
	deviceConsent records.TicketKind = "oauth.device-consent" // of the page that asks
)

// deliberate guards what grants against a click that was meant for another page.
//
//go:embed deliberate.js
var deliberate string

const consentLifetime = 10 * time.Minute

// denied is the note of a consent that was refused; otherwise the note is the
// role that was granted.
const denied = "denied"

// question is the consent page as it is shown.
type question struct {
	Ticket string
	Client string // what it calls itself; may be ""
	Host   string // that vouches for it; "" for nobody
	Wiki   string // its name
	Site   string // the wiki's host, or the root host
	Device string
	To     onward

	May   records.Role // the most that can be granted
	Asked records.Role // what was asked for

	Username, Email string
	Switch          string // where to sign in as somebody else
}

// ask shows the consent page for a request that is good, if the person may read
// the wiki. Of wikis that are private, closed, foreign or not there, one page says
// the same.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, p identity.Principal, q request) error {
	page := question{
		Client: q.ClientName, Host: q.ClientHost, Device: q.Device, To: onwardOf(q.RedirectURI), Asked: q.Role, Site: hostOf(s.deps.Hosts.Root("")),
		Username: p.Username, Email: p.Email, Switch: switchUser(r),
	}
	if !q.account() {
		entry, err := s.enter(r.Context(), p, q.Slug)
		if shut(err) {
			return s.noWiki(w, r)
		}
		if err != nil {
			return err
		}
		page.Wiki, page.Site, page.May = entry.Wiki.Name, hostOf(q.Resource), lesser(q.Role, most(entry))
	}
	secret, err := s.putTicket(r, consentTicket, consentLifetime, q)
	if err != nil {
		return err
	}
	page.Ticket = secret
	return s.deps.Pages.Render(w, pages.Page{Name: "consent", Status: http.StatusOK, Data: page, Script: deliberate, FormAction: formSources(q.RedirectURI)})
}

// consent answers POST /oauth/authorize: the person's decision. It may come
// twice: the first one counts, and the others lead to the same place, as long as
// there is something to be had there.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) error {
	d, err := decided[request](s, w, r, consentTicket)
	if d == nil || err != nil {
		return err
	}
	note := denied
	if d.yes {
		note, err = s.roleGranted(r, d.who, d.about, d.form.Get("rights"))
		if shut(err) {
			return s.noWiki(w, r)
		}
		if err != nil {
			return err
		}
	}
	t, err := s.deps.Records.SpendTicket(r.Context(), consentTicket, d.ticket.Hash, note, now())
	if err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	if t.Note == denied {
		s.answer(w, d.about, url.Values{"error": {accessDenied}, "error_description": {"the person said no"}})
		return nil
	}
	return s.grant(w, r, d.form.Get("ticket"), t, d.about)
}

// roleGranted is the lowest of what was asked for, what the person chose, and
// what they may do at this moment. Of the command line it is a word without
// meaning.
func (s *Server) roleGranted(r *http.Request, p identity.Principal, q request, rights string) (string, error) {
	if q.account() {
		return scopeAccount, nil
	}
	entry, err := s.enter(r.Context(), p, q.Slug)
	if err != nil {
		return "", err
	}
	chosen := records.Viewer
	if rights == "write" {
		chosen = records.Editor
	}
	return string(lesser(chosen, lesser(q.Role, most(entry)))), nil
}

// grant leads back with a code. The code follows from the ticket's secret, so that
// a form that was sent twice leads to the same one.
func (s *Server) grant(w http.ResponseWriter, r *http.Request, secret string, t records.Ticket, q request) error {
	at := now()
	until := t.SpentAt.Add(codeLifetime)
	code := codeOf(secret)
	if !at.Before(until) {
		return s.connected(w, r, q)
	}
	if err := s.used(r.Context(), q.ClientID, at); err != nil {
		return s.noClient(w, r, err)
	}
	q.Role = records.Role(t.Note)
	data, err := ticketData(q)
	if err != nil {
		return err
	}
	err = s.deps.Records.PutTicket(r.Context(), records.Ticket{
		Kind: codeTicket, Hash: hashOf(code), Data: data, CreatedAt: at, ExpiresAt: until,
	})
	if fault.Is(err, fault.Exists) {
		made, err := s.deps.Records.Ticket(r.Context(), codeTicket, hashOf(code), at)
		if fault.Is(err, fault.NotFound) || err == nil && !made.SpentAt.IsZero() {
			return s.connected(w, r, q)
		}
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	web.RecordOf(r.Context()).User = q.UserID
	s.answer(w, q, url.Values{"code": {code}})
	return nil
}

// putTicket keeps what a form will come back for, and returns the secret that
// finds it.
func (s *Server) putTicket(r *http.Request, kind records.TicketKind, life time.Duration, v any) (string, error) {
	data, err := ticketData(v)
	if err != nil {
		return "", err
	}
	secret, at := newSecret(), now()
	return secret, s.deps.Records.PutTicket(r.Context(), records.Ticket{Kind: kind, Hash: hashOf(secret), Data: data, CreatedAt: at, ExpiresAt: at.Add(life)})
}

// ticketData spells addresses as they are: in HTML's clothes they can have six times
// the length, and tickets are small.
func ticketData(v any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return text.Bytes(), err
}

// consentOf finds what a consent form is about.
func consentOf[T any](s *Server, r *http.Request, kind records.TicketKind, secret string) (t records.Ticket, v T, err error) {
	t, err = s.deps.Records.Ticket(r.Context(), kind, hashOf(secret), now())
	if err != nil {
		return t, v, err
	}
	return t, v, json.Unmarshal(t.Data, &v)
}

func newSecret() string {
	var raw [32]byte
	rand.Read(raw[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// derive makes a secret of a secret.
func derive(key, from string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(from))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
