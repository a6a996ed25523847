package oauth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/pages"
)

const (
	deviceLifetime = 15 * time.Minute
	pollInterval   = 5 * time.Second
	// userLetters make no words, and none is taken for another one (RFC 8628
	// section 6.1). Eight of them are 2.56e10 codes.
	userLetters    = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLength = 8
	// userCodeTries is how often a code is drawn that happens to be in use.
	userCodeTries = 5
)

// device is a command line that waits for somebody to say yes. Both its tickets
// hold it.
type device struct {
	Name     string
	Address  string // of the network that it asked from
	UserHash string // of the ticket that the person spends
	UserCode string // as it is shown: XXXX-XXXX
	At       time.Time

	UserID string // of whom it was shown to; only in a ticket of the page
}

// authorizeDevice answers POST /oauth/device_authorization (RFC 8628 section 3.1):
// the command line on a computer without a browser asks for a code to show.
func (s *Server) authorizeDevice(w http.ResponseWriter, r *http.Request) error {
	if err := s.deps.Limiter.Allow(r.Context(), deviceStarts, limit.Address(r)); err != nil {
		return err
	}
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	id, err := clientID(r, form)
	if err != nil {
		return err
	}
	switch {
	case id != CommandLine:
		return refuse(unauthorizedClient, "only the command line signs in by a code that is typed")
	case form.Get("scope") != "" && form.Get("scope") != scopeAccount:
		return refuse(invalidScope, "the command line has the scope "+scopeAccount)
	case form.Get("resource") != "" && !isRoot(s.deps.Hosts, form.Get("resource")):
		return refuse(invalidTarget, "the command line signs in to the whole site: leave resource out")
	}
	secret, d, err := s.putDevice(r, cleanName(form.Get("device_name")))
	if err != nil {
		return err
	}
	page := s.deps.Hosts.Root("/oauth/device")
	return web.WriteJSON(w, http.StatusOK, map[string]any{
		"device_code": secret, "user_code": d.UserCode, "verification_uri": page,
		"verification_uri_complete": page + "?" + url.Values{"user_code": {d.UserCode}}.Encode(),
		"expires_in":                int64(deviceLifetime / time.Second), "interval": int64(pollInterval / time.Second),
	})
}

// putDevice keeps a device under both its codes. The poller's ticket lasts a
// little longer, so that it can be told what became of the other one.
func (s *Server) putDevice(r *http.Request, name string) (string, device, error) {
	at := now()
	d := device{Name: name, Address: limit.Address(r), At: at}
	for try := 0; ; try++ {
		d.UserCode = newUserCode()
		d.UserHash = hashOf(readUserCode(d.UserCode))
		data, err := ticketData(d)
		if err != nil {
			return "", d, err
		}
		err = s.deps.Records.PutTicket(r.Context(), records.Ticket{Kind: userTicket, Hash: d.UserHash, Data: data, CreatedAt: at, ExpiresAt: at.Add(deviceLifetime)})
		if fault.Is(err, fault.Exists) && try < userCodeTries {
			continue
		}
		if err != nil {
			return "", d, err
		}
		secret, err := s.putTicket(r, deviceTicket, deviceLifetime+time.Minute, d)
		return secret, d, err
	}
}

func newUserCode() string {
	var code strings.Builder
	for i := range userCodeLength {
		if i == userCodeLength/2 {
			code.WriteByte('-')
		}
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(userLetters))))
		if err != nil {
			panic(err) // the source never fails
		}
		code.WriteByte(userLetters[n.Int64()])
	}
	return code.String()
}

// readUserCode is a code as it is compared: whatever people put between and
// around the letters does not matter, nor does case.
func readUserCode(typed string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(userLetters, r) {
			return r
		}
		return -1
	}, strings.ToUpper(typed[:min(len(typed), 100)]))
}

// deviceQuestion is the device page as it is shown: a field for the code, or what
// the code stands for.
type deviceQuestion struct {
	UserCode string
	Wrong    bool // there is no such code

	Ticket  string // "" while a code is asked for
	Name    string
	Address string
	Minutes int // since it asked

	Site            string
	Username, Email string
	Switch          string
}

// showDevice answers GET /oauth/device. The code may stand in the address, but the
// person still compares it: somebody else may have sent them the link.
func (s *Server) showDevice(w http.ResponseWriter, r *http.Request) error {
	p, err := s.deps.SignedIn(r)
	if err != nil {
		return err
	}
	typed := r.URL.Query().Get("user_code")
	if p.Kind != identity.Session {
		back := "/oauth/device"
		if typed != "" {
			back += "?" + url.Values{"user_code": {typed[:min(len(typed), 100)]}}.Encode()
		}
		signInFirst(w, r, back)
		return nil
	}
	page := deviceQuestion{UserCode: typed, Site: hostOf(s.deps.Hosts.Root("")), Username: p.Username, Email: p.Email, Switch: switchUser(r)}
	if typed == "" {
		return s.renderDevice(w, http.StatusOK, page)
	}
	for _, who := range []string{p.UserID, limit.Address(r)} {
		if err := s.deps.Limiter.Allow(r.Context(), userCodes, who); err != nil {
			return err
		}
	}
	t, err := s.deps.Records.Ticket(r.Context(), userTicket, hashOf(readUserCode(typed)), now())
	if fault.Is(err, fault.NotFound) || err == nil && !t.SpentAt.IsZero() {
		page.Wrong, page.UserCode = true, cleanName(typed)
		return s.renderDevice(w, http.StatusUnprocessableEntity, page)
	}
	if err != nil {
		return err
	}
	return s.askDevice(w, r, p, t, page)
}

func (s *Server) askDevice(w http.ResponseWriter, r *http.Request, p identity.Principal, t records.Ticket, page deviceQuestion) error {
	var d device
	if err := json.Unmarshal(t.Data, &d); err != nil {
		return err
	}
	d.UserID = p.UserID
	secret, err := s.putTicket(r, deviceConsent, consentLifetime, d)
	if err != nil {
		return err
	}
	page.Ticket, page.UserCode, page.Name, page.Address = secret, d.UserCode, d.Name, d.Address
	page.Minutes = int(now().Sub(d.At) / time.Minute)
	return s.renderDevice(w, http.StatusOK, page)
}

func (s *Server) renderDevice(w http.ResponseWriter, status int, page deviceQuestion) error {
	shown := pages.Page{Name: "device", Status: status, Data: page}
	if page.Ticket != "" {
		shown.Script = deliberate
	}
	return s.deps.Pages.Render(w, shown)
}

// approved begins the note of a code that somebody said yes to; their id follows.
const approved = "approved "

// decideDevice answers POST /oauth/device. As with consent, the first decision
// counts.
func (s *Server) decideDevice(w http.ResponseWriter, r *http.Request) error {
	d, err := decided[device](s, w, r, deviceConsent)
	if d == nil || err != nil {
		return err
	}
	note := denied
	if d.yes {
		note = approved + d.who.UserID
	}
	t, err := s.deps.Records.SpendTicket(r.Context(), userTicket, d.about.UserHash, note, now())
	switch {
	case fault.Is(err, fault.NotFound):
		return s.stale(w, r)
	case err != nil && !fault.Is(err, fault.Conflict):
		return err
	}
	page := connection{Site: hostOf(s.deps.Hosts.Root("")), Device: d.about.Name, Lead: "denied"}
	switch t.Note {
	case approved + d.who.UserID:
		page.Lead = "approved"
	case denied:
	default:
		return s.another(w, r) // somebody else was faster
	}
	return s.deps.Pages.Render(w, pages.Page{Name: "connected", Status: http.StatusOK, Data: page})
}

// pollDevice exchanges a device code (RFC 8628 section 3.4).
func (s *Server) pollDevice(r *http.Request, clientID string, form url.Values) (tokenAnswer, error) {
	ctx, at := r.Context(), now()
	if clientID != CommandLine {
		return tokenAnswer{}, refuse(unauthorizedClient, "only the command line signs in by a code that is typed")
	}
	if form.Get("device_code") == "" {
		return tokenAnswer{}, refuse(invalidRequest, "device_code is missing")
	}
	hash := hashOf(form.Get("device_code"))
	t, err := s.deps.Records.Ticket(ctx, deviceTicket, hash, at)
	if fault.Is(err, fault.NotFound) {
		return tokenAnswer{}, refuse(expiredToken, "the device code is unknown or has run out: start again")
	}
	if err != nil {
		return tokenAnswer{}, err
	}
	var d device
	if err := json.Unmarshal(t.Data, &d); err != nil {
		return tokenAnswer{}, err
	}
	if err := s.deps.Limiter.Allow(ctx, polls, hash); fault.Is(err, fault.TooMany) {
		return tokenAnswer{}, refuse(slowDown, "wait five seconds longer between two requests")
	} else if err != nil {
		return tokenAnswer{}, err
	}
	userID, err := s.decided(ctx, d, at)
	if err != nil {
		return tokenAnswer{}, err
	}
	return s.makeForDevice(ctx, hash, userID, d, at)
}

// decided says who approved a device.
func (s *Server) decided(ctx context.Context, d device, at time.Time) (string, error) {
	t, err := s.deps.Records.Ticket(ctx, userTicket, d.UserHash, at)
	switch {
	case fault.Is(err, fault.NotFound):
		return "", refuse(expiredToken, "nobody answered in time: start again")
	case err != nil:
		return "", err
	case t.SpentAt.IsZero():
		return "", refuse(authorizationPending, "nobody has answered yet")
	}
	userID, ok := strings.CutPrefix(t.Note, approved)
	if !ok {
		return "", refuse(accessDenied, "the person said no")
	}
	return userID, nil
}

// makeForDevice is make for a device code: in the same order, for the same reason.
func (s *Server) makeForDevice(ctx context.Context, hash, userID string, d device, at time.Time) (tokenAnswer, error) {
	id := events.NewID(at)
	answer, err := s.personal(ctx, userID, id, d.Name, at)
	if err != nil {
		return tokenAnswer{}, err
	}
	web.RecordOf(ctx).User = userID
	spent, err := s.deps.Records.SpendTicket(ctx, deviceTicket, hash, id, at)
	if err == nil {
		return answer, nil
	}
	if undo := s.end(ctx, true, userID, id, at); undo != nil {
		s.deps.Log.WarnContext(ctx, "end what a device code was not spent for", "id", id, "err", undo)
	}
	if !fault.Is(err, fault.Conflict) {
		return tokenAnswer{}, err
	}
	s.deps.Log.WarnContext(ctx, "device code used twice", "user", userID, "session", spent.Note)
	if err := s.end(ctx, true, userID, spent.Note, at); err != nil {
		return tokenAnswer{}, err
	}
	return tokenAnswer{}, refuse(invalidGrant, "the device code has been used")
}
