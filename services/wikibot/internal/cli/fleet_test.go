package cli_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/oauth2"

	"wikibot.io/services/wikibot/internal/cli"
)

const userCode = "BCDF-GHJK"

// fleet behaves as a fleet does towards the command line: it has one person, who
// approves whatever their browser shows.
type fleet struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	metadata map[string]any        // what it says of itself
	back     func(url.Values)      // changes what the browser is sent back with
	requests map[string]url.Values // by code: what was asked for
	tokens   map[string]bool       // that are good
	devices  map[string]string     // by device code: "pending", "approved", "declined", "expired"
	asked    url.Values            // the last request for authorization
	pages    []string              // that the browser ended up on
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, requests: map[string]url.Values{}, tokens: map[string]bool{}, devices: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		json.NewEncoder(w).Encode(f.metadata)
	})
	mux.HandleFunc("GET /oauth/authorize", f.authorize)
	mux.HandleFunc("POST /oauth/device_authorization", f.device)
	mux.HandleFunc("POST /oauth/token", f.token)
	mux.HandleFunc("POST /oauth/revoke", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r.FormValue("client_id") != "wikibot-cli" {
			http.Error(w, "", http.StatusBadRequest)
		}
		delete(f.tokens, r.FormValue("token"))
	})
	mux.HandleFunc("GET /api/me", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if !f.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
			http.Error(w, "{}", http.StatusUnauthorized)
			return
		}
		json.NewEncoder(w).Encode(map[string]string{"username": "ada", "email": "ada@example.org", "display_name": "Ada"})
	})
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	f.metadata = map[string]any{
		"issuer": f.URL, "authorization_endpoint": f.URL + "/oauth/authorize", "token_endpoint": f.URL + "/oauth/token",
		"device_authorization_endpoint": f.URL + "/oauth/device_authorization", "revocation_endpoint": f.URL + "/oauth/revoke",
		"code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true,
	}
	return f
}

func (f *fleet) authorize(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := r.URL.Query()
	f.asked = q
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Scheme != "http" || back.Hostname() != "127.0.0.1" || back.Path != "/callback" || q.Get("client_id") != "wikibot-cli" ||
		q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("resource") != f.URL || q.Get("scope") != "account" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	f.requests[code] = q
	answer := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {f.URL}}
	if f.back != nil {
		f.back(answer)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}

func (f *fleet) device(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.ParseForm()
	f.asked = r.PostForm
	code := rand.Text()
	f.devices[code] = "pending"
	json.NewEncoder(w).Encode(map[string]any{
		"device_code": code, "user_code": userCode, "verification_uri": f.URL + "/oauth/device", "expires_in": 900, "interval": 1,
	})
}

// decide is the person's decision about every device that waits.
func (f *fleet) decide(decision string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for code := range f.devices {
		f.devices[code] = decision
	}
}

func (f *fleet) token(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	refuse := func(code string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]string{"error": code})
	}
	_, _, basic := r.BasicAuth()
	switch {
	case basic || r.FormValue("client_id") != "wikibot-cli" || r.FormValue("resource") != f.URL:
		refuse("invalid_request")
		return
	case r.FormValue("grant_type") == "authorization_code":
		q := f.requests[r.FormValue("code")]
		delete(f.requests, r.FormValue("code"))
		if q == nil || q.Get("redirect_uri") != r.FormValue("redirect_uri") || oauth2.S256ChallengeFromVerifier(r.FormValue("code_verifier")) != q.Get("code_challenge") {
			refuse("invalid_grant")
			return
		}
	case r.FormValue("grant_type") == "urn:ietf:params:oauth:grant-type:device_code":
		switch f.devices[r.FormValue("device_code")] {
		case "approved":
		case "pending":
			refuse("authorization_pending")
			return
		case "declined":
			refuse("access_denied")
			return
		default:
			refuse("expired_token")
			return
		}
	default:
		refuse("unsupported_grant_type")
		return
	}
	token := "wbp_" + rand.Text()
	f.tokens[token] = true
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 90 * 24 * 3600, "scope": "account"})
}

func (f *fleet) good() (tokens []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for token := range f.tokens {
		tokens = append(tokens, token)
	}
	return tokens
}

// browse is a browser that follows where it is led. The page that it ends on is
// kept.
func (f *fleet) browse(address string) error {
	go func() {
		res, err := http.Get(address)
		if err != nil {
			return // the terminal went away
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.pages = append(f.pages, string(body))
	}()
	return nil
}

// terminal is a person's command line, with a folder of its own.
type terminal struct {
	*cli.Client
	keep cli.Keep
	out  *screen
}

// screen is what the person reads.
type screen struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	code chan struct{} // closed once a code is shown
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bytes.Contains(b, []byte(userCode)) {
		close(s.code)
	}
	return s.buf.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// newTerminal opens one whose browser is open; nil for none.
func newTerminal(t *testing.T, open func(string) error) *terminal {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	keep, err := cli.UserKeep()
	if err != nil {
		t.Fatal(err)
	}
	out := &screen{code: make(chan struct{})}
	c, err := cli.New(cli.Deps{Keep: keep, HTTP: cli.NewHTTP(), Device: "laptop", Open: open, Out: out})
	if err != nil {
		t.Fatal(err)
	}
	return &terminal{c, keep, out}
}
