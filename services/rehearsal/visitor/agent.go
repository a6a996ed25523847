package visitor

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Agent is a program that the visitor connects to a wiki by OAuth. Its methods do
// one step each.
type Agent struct {
	ID       string // client_id
	Resource string // the wiki's MCP URL

	of *Visitor
}

// Tokens are what a token request was answered with.
type Tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
}

// back is where the agent would listen. Nobody goes there.
const back = "http://127.0.0.1/callback"

// verifierOf makes the PKCE verifier of an attempt: agents here keep no secrets.
func verifierOf(state string) string {
	sum := sha256.Sum256([]byte("verifier " + state))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Register registers an agent that is to be connected to the visitor's wiki.
func (v *Visitor) Register(ctx context.Context) (*Agent, Answer, error) {
	body := []byte(`{"client_name":"Rehearsed","redirect_uris":["` + back + `"]}`)
	a, err := v.do(ctx, v.program, http.MethodPost, v.Root("/oauth/register"), body, "Content-Type", "application/json")
	if err != nil || a.Status != http.StatusCreated {
		return nil, a, err
	}
	var made struct {
		ID string `json:"client_id"`
	}
	err = json.Unmarshal(a.Body, &made)
	return &Agent{ID: made.ID, Resource: v.Wiki("/mcp"), of: v}, a, err
}

var ticketField = regexp.MustCompile(`name="ticket" value="([^"]+)"`)

// Ask opens the consent page in the visitor's browser and returns its ticket; ""
// if there was another page.
func (g *Agent) Ask(ctx context.Context, state string) (ticket string, a Answer, err error) {
	sum := sha256.Sum256([]byte(verifierOf(state)))
	query := url.Values{
		"response_type": {"code"}, "client_id": {g.ID}, "redirect_uri": {back}, "resource": {g.Resource}, "state": {state},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	a, err = g.of.do(ctx, g.of.browser, http.MethodGet, g.of.Root("/oauth/authorize?"+query.Encode()), nil, "Accept", "text/html")
	if m := ticketField.FindSubmatch(a.Body); err == nil && a.Status == http.StatusOK && m != nil {
		ticket = string(m[1])
	}
	return ticket, a, err
}

// Allow sends the form of the consent page, and returns the code with which the
// browser is led back; "" if it is not.
func (g *Agent) Allow(ctx context.Context, ticket string) (code string, a Answer, err error) {
	a, err = g.of.form(ctx, g.of.browser, "/oauth/authorize", url.Values{"ticket": {ticket}, "decision": {"allow"}, "rights": {"write"}})
	if err != nil || a.Status != http.StatusSeeOther {
		return "", a, err
	}
	to, err := url.Parse(a.Header.Get("Location"))
	if err != nil {
		return "", a, err
	}
	return to.Query().Get("code"), a, nil
}

// Redeem exchanges the code of an attempt.
func (g *Agent) Redeem(ctx context.Context, state, code string) (Tokens, Answer, error) {
	return g.tokens(ctx, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifierOf(state)}, "redirect_uri": {back}})
}

// Renew exchanges a refresh token.
func (g *Agent) Renew(ctx context.Context, refresh string) (Tokens, Answer, error) {
	return g.tokens(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
}

// Revoke ends what a token belongs to.
func (g *Agent) Revoke(ctx context.Context, token string) (Answer, error) {
	return g.of.form(ctx, g.of.program, "/oauth/revoke", url.Values{"client_id": {g.ID}, "token": {token}})
}

// Connect does all steps, each of which has to succeed.
func (v *Visitor) Connect(ctx context.Context) (*Agent, Tokens, error) {
	const state = "connect"
	g, a, err := v.Register(ctx)
	if err != nil || g == nil {
		return nil, Tokens{}, fmt.Errorf("register: %w", failed(a, err))
	}
	ticket, a, err := g.Ask(ctx, state)
	if err != nil || ticket == "" {
		return nil, Tokens{}, fmt.Errorf("ask: %w", failed(a, err))
	}
	code, a, err := g.Allow(ctx, ticket)
	if err != nil || code == "" {
		return nil, Tokens{}, fmt.Errorf("allow: %w", failed(a, err))
	}
	t, a, err := g.Redeem(ctx, state, code)
	if err == nil && t.Refresh == "" {
		err = errors.New("there is no refresh token")
	}
	if err != nil || a.Status != http.StatusOK {
		return nil, Tokens{}, fmt.Errorf("redeem: %w", failed(a, err))
	}
	return g, t, nil
}

// ToolAs is Tool with any bearer.
func (v *Visitor) ToolAs(ctx context.Context, bearer, name string, arguments map[string]any) (Answer, error) {
	other := *v
	other.Token = bearer
	return other.Tool(ctx, name, arguments)
}

// Post sends JSON with the browser, as the app does; nil for none.
func (v *Visitor) Post(ctx context.Context, target string, body any) (Answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return Answer{}, err
	}
	return v.do(ctx, v.browser, http.MethodPost, target, text, "Content-Type", "application/json", "Origin", v.base.String())
}

// Delete asks with the browser for the end of something, as the app does.
func (v *Visitor) Delete(ctx context.Context, target string) (Answer, error) {
	return v.do(ctx, v.browser, http.MethodDelete, target, nil, "Origin", v.base.String())
}

// Welcome chooses the username of somebody new, who was sent to do so.
func (v *Visitor) Welcome(ctx context.Context, username string) (Answer, error) {
	return v.form(ctx, v.browser, "/auth/welcome", url.Values{"username": {username}})
}

// SignOut ends the browser's session.
func (v *Visitor) SignOut(ctx context.Context) (Answer, error) {
	return v.form(ctx, v.browser, "/auth/logout", url.Values{})
}

// Cookies are those of the browser for the root host, as a header has them.
func (v *Visitor) Cookies() string {
	var pairs []string
	for _, c := range v.browser.Jar.Cookies(v.base) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// Send sends a request without a body, as a program.
func (v *Visitor) Send(ctx context.Context, method, target string, header ...string) (Answer, error) {
	return v.do(ctx, v.program, method, target, nil, header...)
}

// SendBody is Send with one.
func (v *Visitor) SendBody(ctx context.Context, method, target, body string, header ...string) (Answer, error) {
	return v.do(ctx, v.program, method, target, []byte(body), header...)
}

func (g *Agent) tokens(ctx context.Context, form url.Values) (t Tokens, a Answer, err error) {
	form.Set("client_id", g.ID)
	a, err = g.of.form(ctx, g.of.program, "/oauth/token", form)
	if err == nil && a.Status == http.StatusOK {
		err = json.Unmarshal(a.Body, &t)
	}
	return t, a, err
}

func (v *Visitor) form(ctx context.Context, client *http.Client, path string, form url.Values) (Answer, error) {
	return v.do(ctx, client, http.MethodPost, v.Root(path), []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded", "Origin", v.base.String())
}
