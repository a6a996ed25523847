package provider

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

const (
	broad         = "your provider" // in messages, where nobody knows which one it was
	agentLimit    = 500             // characters of a browser's name for itself that are handed on
	identityLimit = 16              // of the identities behind a user that are kept
)

// grant is the body of POST /user_management/authenticate. Address and browser are
// what WorkOS, which sees ours alone here, judges the risk of a sign-in by.
type grant struct {
	ClientID string `json:"client_id"`
	Secret   string `json:"client_secret"`
	Type     string `json:"grant_type"`
	Code     string `json:"code,omitempty"`
	Verifier string `json:"code_verifier,omitempty"`
	Refresh  string `json:"refresh_token,omitempty"`

	Address   string `json:"ip_address,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
}

// session is its answer, as far as we read it.
type session struct {
	User         user      `json:"user"`
	Access       string    `json:"access_token"`
	Refresh      string    `json:"refresh_token"`
	Impersonator *struct{} `json:"impersonator"` // somebody of WorkOS's dashboard
}

// user is a user at WorkOS.
type user struct {
	ID            string `json:"id"` // user_…
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
	Name          string `json:"name"`
	First         string `json:"first_name"`
	Last          string `json:"last_name"`
}

func (u user) name() string {
	if name := clip(u.Name, nameLimit); name != "" {
		return name
	}
	return clip(u.First+" "+u.Last, nameLimit)
}

// held is what to keep from now on. What an answer leaves out stays as it was.
func (s session) held(former held) held {
	h := held{Provider: workOS, Subject: s.User.ID, Refresh: s.Refresh, Session: sidOf(s.Access)}
	if h.Refresh == "" {
		h.Refresh = former.Refresh
	}
	if h.Session == "" {
		h.Session = former.Session
	}
	return h
}

// sidOf reads the id of the session out of an access token; "" for what is none.
// Its signature is not looked at: it came from WorkOS by the way that the user
// came too, and all that the id can do is to end that session.
func sidOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var c struct {
		Session string `json:"sid"`
	}
	if json.Unmarshal(payload, &c) != nil || len(c.Session) > subjectLimit || clip(c.Session, subjectLimit) != c.Session {
		return ""
	}
	return c.Session
}

// authenticate redeems a code or a refresh token.
func (p *broker) authenticate(ctx context.Context, label string, g grant) (session, error) {
	g.ClientID, g.Secret = p.ClientID, p.APIKey
	body, err := json.Marshal(g)
	if err != nil {
		return session{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.BaseURL+"/user_management/authenticate", bytes.NewReader(body))
	if err != nil {
		return session{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	resp, err := p.client.Do(r)
	if err != nil {
		return session{}, unavailable(label, fmt.Errorf("authenticate at WorkOS: %w", err))
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return session{}, refusal(label, resp)
	}
	var s session
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		return session{}, unavailable(label, errors.New("authenticate at WorkOS: the answer is not the JSON that it should be"))
	}
	if id := s.User.ID; id == "" || len(id) > subjectLimit || clip(id, subjectLimit) != id {
		return session{}, unavailable(label, errors.New("authenticate at WorkOS: the answer has no user"))
	}
	return s, nil
}

// identities lists the providers behind a user; none when they cannot be had.
// Those that we have no name for are left out.
func (p *broker) identities(ctx context.Context, userID string) (list []records.Identity) {
	var answer []struct {
		Subject  string `json:"idp_id"`
		Type     string `json:"type"`
		Provider string `json:"provider"`
	}
	if err := getJSON(ctx, p.client, p.BaseURL+"/user_management/users/"+url.PathEscape(userID)+"/identities", p.APIKey, &answer); err != nil {
		return nil
	}
	for _, i := range answer {
		name, known := behind[i.Provider]
		valid := i.Subject != "" && len(i.Subject) <= subjectLimit && clip(i.Subject, subjectLimit) == i.Subject
		if known && valid && i.Type == "OAuth" && len(list) < identityLimit {
			list = append(list, records.Identity{Provider: name, Subject: i.Subject})
		}
	}
	return list
}

// elsewhere words what WorkOS wants of people before they may come in, all of
// which AuthKit's own page can give it.
var elsewhere = map[string]string{
	"email_verification_required":     "your e-mail address is not verified there yet",
	"organization_selection_required": "your account belongs to several organizations there, and one has to be chosen",
	"sso_required":                    "your organization asks for its own single sign-on",
	"mfa_enrollment":                  "your account needs a second factor to be set up",
	"mfa_challenge":                   "your account asks for its second factor",
	"mfa_verification":                "your account asks for its second factor",
	"radar_email_challenge":           "the attempt was unusual, and has to be confirmed",
	"radar_sms_challenge":             "the attempt was unusual, and has to be confirmed",
}

// refusal words an error of WorkOS, which has two shapes: that of OAuth, and one
// of its own.
func refusal(label string, resp *http.Response) error {
	var e struct {
		Error string `json:"error"`
		Code  string `json:"code"`
	}
	_ = json.NewDecoder(resp.Body).Decode(&e) // an answer in another shape has no code
	code := e.Code
	if code == "" {
		code = e.Error
	}
	cause := fmt.Errorf("authenticate at WorkOS: it answered %d %q", resp.StatusCode, brief(code))
	if reason, ok := elsewhere[code]; ok {
		return fault.Wrap(cause, fault.Denied, "sign in with %s: %s; choose “%s”, where that can be done", label, reason, ways[len(ways)-1].Label)
	}
	if code == "invalid_grant" {
		return unproven(label, cause)
	}
	return unavailable(label, cause)
}
