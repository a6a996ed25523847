package providertest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// WorkOSOptions is an application at the stand-in for WorkOS.
type WorkOSOptions struct {
	Listen    string   // loopback host and port; "" means any port of 127.0.0.1
	ClientID  string   // "" means "client_test"
	APIKey    string   // "" means "sk_test"
	Redirects []string // registered redirect URIs; see Allow
	// LetUnverified lets people in whose e-mail address is not verified; as WorkOS
	// comes, it asks them for a code first.
	LetUnverified bool
}

// WorkOS behaves as the documents of WorkOS's user management API say, as far as
// signing in goes. It is stricter than they are in one thing: a refresh token that
// was used is worth nothing at once, without a time of grace.
type WorkOS struct {
	*server
	*allowed
	options WorkOSOptions
	key     key

	mu       sync.Mutex
	attempts map[string]attempt     // by id
	codes    map[string]attempt     // by code
	sessions map[string]workSession // by id
	refresh  map[string]string      // refresh token to id of a session
	users    map[string]Person      // by id
	behind   map[string][]identity  // by id of a user
	demands  map[string]string      // by username
	failing  map[string]int         // by path
}

// attempt is an authorization request.
type attempt struct {
	provider, redirect, state, challenge string
	user                                 string // id, once somebody has signed in
	at                                   time.Time
}

type workSession struct{ user, provider string }

// identity is one of GET /user_management/users/{id}/identities.
type identity struct {
	Subject  string `json:"idp_id"`
	Type     string `json:"type"`
	Provider string `json:"provider"`
}

// NewWorkOS starts a stand-in.
func NewWorkOS(o WorkOSOptions) (*WorkOS, error) {
	if o.ClientID == "" {
		o.ClientID = "client_test"
	}
	if o.APIKey == "" {
		o.APIKey = "sk_test"
	}
	k, err := newKey()
	if err != nil {
		return nil, err
	}
	l, base, err := listen(o.Listen)
	if err != nil {
		return nil, err
	}
	w := &WorkOS{
		allowed: &allowed{list: slices.Clone(o.Redirects)}, options: o, key: k,
		attempts: map[string]attempt{}, codes: map[string]attempt{}, sessions: map[string]workSession{},
		refresh: map[string]string{}, users: map[string]Person{}, behind: map[string][]identity{},
		demands: map[string]string{}, failing: map[string]int{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /user_management/authorize", w.authorize)
	mux.HandleFunc("POST /user_management/authenticate", w.authenticate)
	mux.HandleFunc("GET /user_management/users/{id}/identities", w.identities)
	mux.HandleFunc("GET /user_management/sessions/logout", w.logout)
	mux.Handle(loginPath, login{title: "WorkOS test page", finish: w.finish})
	w.server = serve(l, base, w.faulty(mux))
	return w, nil
}

// UserID is the id that a username has: user_ and 26 characters.
func (w *WorkOS) UserID(username string) string {
	sum := sha256.Sum256([]byte("user " + username))
	return "user_" + base32.HexEncoding.EncodeToString(sum[:])[:26]
}

// ProviderSubject is how a provider such as "GoogleOAuth" knows a username.
func (w *WorkOS) ProviderSubject(provider, username string) string {
	sum := sha256.Sum256([]byte(provider + " " + username))
	return hex.EncodeToString(sum[:10])
}

// Sessions are the ids of the sessions that a person has.
func (w *WorkOS) Sessions(username string) (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, s := range w.sessions {
		if s.user == w.UserID(username) {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// EndSessions ends all of them.
func (w *WorkOS) EndSessions(username string) {
	for _, id := range w.Sessions(username) {
		w.end(id)
	}
}

// Demand makes WorkOS want something of a person before they may come in or go on,
// by the code of the error that says so: "sso_required", "mfa_challenge" … "" makes
// it content again.
func (w *WorkOS) Demand(username, code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.demands[username] = code
}

// Fail makes all requests for a path fail with a status; 0 mends it.
func (w *WorkOS) Fail(path string, status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failing[path] = status
}

func (w *WorkOS) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		status := w.failing[r.URL.Path]
		w.mu.Unlock()
		if status != 0 {
			rw.WriteHeader(status)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

var authProviders = []string{"authkit", "AppleOAuth", "GitHubOAuth", "GoogleOAuth", "MicrosoftOAuth"}

// authorize checks the request before anything is sent to its redirect URI.
func (w *WorkOS) authorize(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	wrong := ""
	switch {
	case q.Get("client_id") != w.options.ClientID:
		wrong = "Invalid client ID."
	case !slices.Contains(w.all(), q.Get("redirect_uri")):
		wrong = "Invalid redirect URI."
	case q.Get("response_type") != "code":
		wrong = "The response type has to be code."
	case !slices.Contains(authProviders, q.Get("provider")):
		wrong = "Invalid provider."
	case q.Get("code_challenge") != "" && q.Get("code_challenge_method") != "S256":
		wrong = "The code challenge method has to be S256."
	}
	if wrong != "" {
		http.Error(rw, wrong, http.StatusBadRequest)
		return
	}
	id := rand.Text()
	w.mu.Lock()
	w.attempts[id] = attempt{
		provider: q.Get("provider"), redirect: q.Get("redirect_uri"), state: q.Get("state"),
		challenge: q.Get("code_challenge"), at: time.Now(),
	}
	w.mu.Unlock()
	http.Redirect(rw, r, loginPath+"?id="+id, http.StatusFound)
}

// finish sends the browser back with a code.
func (w *WorkOS) finish(rw http.ResponseWriter, r *http.Request, id string, p *Person) {
	w.mu.Lock()
	a, ok := w.attempts[id]
	delete(w.attempts, id)
	w.mu.Unlock()
	if !ok {
		http.Error(rw, "the sign-in is over", http.StatusBadRequest)
		return
	}
	q := url.Values{"state": {a.state}}
	if p == nil {
		q.Set("error", "access_denied")
		q.Set("error_description", "The user denied the request.")
	} else {
		q.Set("code", w.issueCode(a, *p))
	}
	to, _ := url.Parse(a.redirect) // it was registered
	rest := to.Query()
	for k, v := range q {
		if v[0] != "" {
			rest[k] = v
		}
	}
	to.RawQuery = rest.Encode()
	http.Redirect(rw, r, to.String(), http.StatusFound)
}

func (w *WorkOS) issueCode(a attempt, p Person) string {
	a.user, a.at = w.UserID(p.Username), time.Now()
	code := rand.Text()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.codes[code] = a
	w.users[a.user] = p
	one := identity{Subject: w.ProviderSubject(a.provider, p.Username), Type: "OAuth", Provider: a.provider}
	if a.provider != "authkit" && !slices.Contains(w.behind[a.user], one) {
		w.behind[a.user] = append(w.behind[a.user], one)
	}
	return code
}
