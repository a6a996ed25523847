package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// request is an authorization request that was found good, and what somebody was
// shown of it. Tickets of consent and codes hold it.
type request struct {
	UserID      string
	ClientID    string
	ClientName  string
	ClientHost  string
	RedirectURI string
	State       []byte // as it came, whatever it is
	Challenge   string

	// Of a wiki; "" when the command line asks for the account.
	Slug     string
	Resource string
	Role     records.Role // the most that was asked for

	Device string // what the command line calls its computer
}

// account reports whether it is the command line's request to act as its user.
func (q request) account() bool { return q.ClientID == CommandLine }

// query is the request as it could be made again, by somebody who has to sign in
// first.
func (q request) query() url.Values {
	v := url.Values{
		"response_type": {"code"}, "client_id": {q.ClientID}, "redirect_uri": {q.RedirectURI},
		"code_challenge": {q.Challenge}, "code_challenge_method": {"S256"},
	}
	for name, value := range map[string]string{"state": string(q.State), "resource": q.Resource, "device_name": q.Device} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if !q.account() {
		v.Set("scope", identity.Scopes(q.Role))
	}
	return v
}

const (
	// maxRequest bounds a whole request, in bytes: sign-in leads back to no more, and
	// who is signed in already must not be able to send what others cannot.
	maxRequest = 4 << 10
	// challengeLength is that of SHA-256 in base64url (RFC 7636 section 4.2).
	challengeLength = 43
)

// authorize answers GET /oauth/authorize: it checks the request, leads to sign-in
// whoever is not signed in, and asks for consent. Until client and redirect URI
// are known to belong together, whatever is wrong is shown here and leads nowhere.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	back := "/oauth/authorize?" + query.Encode()
	if err != nil || len(back) > maxRequest {
		return s.refused(w, r, http.StatusBadRequest, "This link is broken", "The request of the program that sent you here cannot be read, or is too long.")
	}
	if len(query["client_id"]) != 1 || len(query["redirect_uri"]) > 1 {
		return s.refused(w, r, http.StatusBadRequest, "This link is broken", "It does not say which program sent you here, or says it twice.")
	}
	p, err := s.deps.SignedIn(r)
	if err != nil {
		return err
	}
	if p.Kind != identity.Session && hasDocument(query.Get("client_id")) {
		// Nobody whom we do not know makes us fetch what they name.
		signInFirst(w, r, back)
		return nil
	}
	c, err := s.client(r.Context(), query.Get("client_id"))
	if err != nil {
		return s.noClient(w, r, err)
	}
	redirect, ok := c.redirect(query.Get("redirect_uri"))
	if ok {
		// A page of somebody's wiki is no program.
		_, _, ours := s.deps.Hosts.Kind(hostOf(redirect))
		ok = !ours
	}
	if !ok {
		return s.refused(w, r, http.StatusBadRequest, "This program may not send you back there",
			"It asks us to lead you to an address that it has not registered. Somebody may be trying to get at what is meant for another program.")
	}
	// RFC 9700 section 4.11.2: nobody is led elsewhere by us, not even with an
	// error, before they are signed in.
	if p.Kind != identity.Session {
		signInFirst(w, r, back)
		return nil
	}
	if err := s.deps.Limiter.Allow(r.Context(), people, p.UserID); err != nil {
		return err
	}
	q := request{
		UserID: p.UserID, ClientID: c.ID, ClientName: c.Name, ClientHost: c.Host, RedirectURI: redirect,
		State: []byte(query.Get("state")), Challenge: query.Get("code_challenge"),
	}
	if err := s.complete(&q, query); err != nil {
		return s.sendBack(w, r, q, err)
	}
	return s.ask(w, r, p, q)
}

// complete checks all of a request but client and redirect URI.
func (s *Server) complete(q *request, query url.Values) error {
	if err := once(query); err != nil {
		return err
	}
	if err := checkForm(query); err != nil {
		return err
	}
	var err error
	resource := query.Get("resource")
	if q.account() {
		if resource != "" && !isRoot(s.deps.Hosts, resource) {
			return refuse(invalidTarget, "the command line signs in to the whole site: leave resource out")
		}
		if scope := query.Get("scope"); scope != "" && scope != scopeAccount {
			return refuse(invalidScope, "the command line has the scope "+scopeAccount)
		}
		q.Device = cleanName(query.Get("device_name"))
		return nil
	}
	if resource == "" {
		return refuse(invalidTarget, "say by resource which wiki it is about: its MCP URL")
	}
	if q.Slug, q.Resource, err = s.wikiAsked(resource); err != nil {
		return err
	}
	q.Role, err = roleAsked(query.Get("scope"))
	return err
}

func (s *Server) wikiAsked(resource string) (slug, canonical string, err error) {
	slug, canonical, ok := wikiOf(s.deps.Hosts, resource)
	if !ok {
		return "", "", refuse(invalidTarget, "the resource is not the MCP URL of a wiki here")
	}
	return slug, canonical, nil
}

// checkForm checks what is the same for all clients: the code flow with PKCE and
// S256, answers in the query.
func checkForm(query url.Values) error {
	switch {
	case query.Get("request") != "":
		return refuse(requestNotSupported, "send the request as plain parameters")
	case query.Get("request_uri") != "":
		return refuse(requestURINotSupported, "send the request as plain parameters")
	case query.Get("response_type") == "":
		return refuse(invalidRequest, "response_type is missing: it is code")
	case query.Get("response_type") != "code":
		return refuse(unsupportedResponse, "the response_type is code")
	case query.Get("response_mode") != "" && query.Get("response_mode") != "query":
		return refuse(invalidRequest, "the response_mode is query")
	case query.Get("code_challenge") == "":
		return refuse(invalidRequest, "code_challenge is missing: PKCE is required")
	case query.Get("code_challenge_method") != "S256":
		return refuse(invalidRequest, "the code_challenge_method is S256")
	case len(query.Get("code_challenge")) != challengeLength || !unreserved(query.Get("code_challenge"), "-_"):
		return refuse(invalidRequest, "the code_challenge is no SHA-256 in base64url")
	}
	for prompt := range strings.FieldsSeq(query.Get("prompt")) {
		if prompt == "none" {
			return refuse(consentRequired, "nothing is granted without asking")
		}
	}
	return nil
}

// unreserved reports whether text holds letters, digits and the others alone.
func unreserved(text, others string) bool {
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"+others) == ""
}

// enter opens the wiki of a request for the user, who may have changed since.
func (s *Server) enter(ctx context.Context, p identity.Principal, slug string) (identity.Entry, error) {
	return s.deps.Gate.Enter(identity.With(ctx, p), slug, identity.Read)
}

// entryOf is enter for somebody who is not there: a token is asked for on their
// behalf.
func (s *Server) entryOf(ctx context.Context, userID, slug string) (identity.Entry, error) {
	u, err := s.deps.Records.User(ctx, userID)
	if err != nil {
		return identity.Entry{}, err
	}
	p := identity.Principal{Kind: identity.Session, UserID: u.ID, Username: u.Username, Email: u.Email, DisplayName: u.DisplayName}
	return s.enter(ctx, p, slug)
}

// shut reports whether an error of the gate means that the person may not read
// the wiki, for whatever reason.
func shut(err error) bool {
	return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) || fault.Is(err, fault.Unauthenticated)
}

// answer leads back to the client, with state and issuer (RFC 9207). The redirect
// is 303, so that a browser does not post our form there.
func (s *Server) answer(w http.ResponseWriter, q request, values url.Values) {
	if len(q.State) > 0 {
		values.Set("state", string(q.State))
	}
	values.Set("iss", s.deps.Hosts.Root(""))
	w.Header().Set("Location", withAnswer(q.RedirectURI, values))
	w.WriteHeader(http.StatusSeeOther)
}

// sendBack answers the client with an error. To a site it leads by a link that
// the person may take, since nobody has decided yet that they want to go there:
// otherwise a link to us could lead anybody anywhere (RFC 9700 section 4.11.2).
// Programs on the own computer and apps are told at once.
func (s *Server) sendBack(w http.ResponseWriter, r *http.Request, q request, err error) error {
	p, ok := errors.AsType[*problem](err)
	if !ok {
		return err
	}
	note(r, p)
	values := url.Values{"error": {p.code}, "error_description": {p.text}}
	to := onwardOf(q.RedirectURI)
	if to.Host == "" {
		s.answer(w, q, values)
		return nil
	}
	if len(q.State) > 0 {
		values.Set("state", string(q.State))
	}
	values.Set("iss", s.deps.Hosts.Root(""))
	return s.show(w, r, http.StatusBadRequest, refusal{
		Title: "This request cannot be granted", Text: "The program asks for something that there is not: " + p.text + ".",
		Link: withAnswer(q.RedirectURI, values), LinkText: "Go back to " + to.Host,
	})
}

// note puts a problem in the request's log record.
func note(r *http.Request, p *problem) {
	web.RecordOf(r.Context()).Err = fault.Wrap(p.err, fault.Invalid, "authorize client: %s: %s", p.code, p.text)
}

// noClient tells a person that the client is not known, or that it could not be
// asked who it is, which is something else.
func (s *Server) noClient(w http.ResponseWriter, r *http.Request, err error) error {
	switch {
	case errors.Is(err, errUnknownClient):
		return s.refused(w, r, http.StatusBadRequest, "We do not know this program",
			"It never registered here, or so long ago that it was forgotten. Go back to it, remove this wiki and add it again.")
	case fault.Is(err, fault.Invalid):
		web.RecordOf(r.Context()).Err = err
		return s.refused(w, r, http.StatusBadRequest, "This program does not say who it is",
			"The address that should describe it holds no such description. Its makers have to mend that.")
	case fault.Is(err, fault.Unavailable) && hasDocument(r.URL.Query().Get("client_id")):
		web.RecordOf(r.Context()).Err = err
		w.Header().Set("Retry-After", "30")
		page := refusal{
			Title: "The program could not be reached",
			Text:  "We asked the site that vouches for it, and it did not answer. Nothing is wrong with your account: try again in half a minute.",
		}
		if r.Method == http.MethodGet {
			page.Link, page.LinkText = r.URL.RequestURI(), "Try again"
		}
		return s.show(w, r, http.StatusServiceUnavailable, page)
	}
	return err
}

// refusal is a page that says why it goes no further.
type refusal struct {
	Title, Text    string
	Link, LinkText string // a way on; "" for none
	Request        string
}

func (s *Server) refused(w http.ResponseWriter, r *http.Request, status int, title, text string) error {
	return s.show(w, r, status, refusal{Title: title, Text: text})
}

// now is the time that records are asked with.
func now() time.Time { return time.Now().UTC() }
