package cli

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// patience is how long a login waits for the person to come back.
const patience = 5 * time.Minute

// callback is where the browser comes back to, on a port that is free (RFC 8252
// section 7.3).
const callback = "/callback"

// byBrowser sends the person's browser to the fleet and waits for it to come back
// with a code.
func (c *Client) byBrowser(ctx context.Context, m metadata) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.patience, errTooLate)
	defer cancel()
	// By number: the name might lead other programs' listeners to hear it.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("wait for the browser: %w", err)
	}
	config := m.config("http://" + listener.Addr().String() + callback)
	verifier := oauth2.GenerateVerifier()
	w := &waiter{state: rand.Text(), server: m, done: make(chan outcome, 1), exchange: func(code string) (*oauth2.Token, error) {
		return config.Exchange(ctx, code, oauth2.VerifierOption(verifier), oauth2.SetAuthURLParam("resource", m.Issuer))
	}}
	server := &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(listener)
	defer shut(server)

	address := config.AuthCodeURL(w.state, append(c.about(m), oauth2.S256ChallengeOption(verifier))...)
	fmt.Fprintf(c.out, "Sign in with the browser. If it does not open, go to:\n\n  %s\n\n", address)
	if err := c.open(address); err != nil {
		fmt.Fprintf(c.out, "It does not: %v.\n", err)
	}
	select {
	case o := <-w.done:
		return o.token, o.err
	case <-ctx.Done():
		if context.Cause(ctx) == errTooLate {
			return nil, errTooLate
		}
		return nil, errors.New("it was broken off")
	}
}

// shut lets the last page reach the browser.
func shut(s *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		s.Close()
	}
}

// outcome is how a login ended.
type outcome struct {
	token *oauth2.Token
	err   error
}

// waiter answers the one request that belongs to this login. Any page can make a
// browser ask this address: what lacks the state is answered and forgotten.
type waiter struct {
	state    string
	server   metadata
	exchange func(code string) (*oauth2.Token, error)
	once     sync.Once
	done     chan outcome
}

func (w *waiter) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the address holds the code
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Connection", "close")
	q := r.URL.Query()
	switch {
	case r.URL.Path != callback:
		show(rw, http.StatusNotFound, "Nothing here", "This address only waits for a sign-in to come back.")
		return
	case r.Method != http.MethodGet:
		show(rw, http.StatusMethodNotAllowed, "Nothing here", "A sign-in comes back by a link.")
		return
	case len(q["state"]) != 1 || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(w.state)) != 1:
		show(rw, http.StatusBadRequest, "Not this sign-in", "This is not the sign-in that the terminal waits for. Go back to the one that it opened.")
		return
	}
	first := false
	w.once.Do(func() { first = true })
	if !first {
		show(rw, http.StatusOK, "Already done", "The terminal has its answer. You can close this window.")
		return
	}
	token, err := w.settle(q)
	switch {
	case err == nil:
		show(rw, http.StatusOK, "You are signed in", "The terminal goes on. You can close this window.")
	case errors.Is(err, errDeclined):
		show(rw, http.StatusOK, "You are not signed in", "You declined, and nothing was given away. You can close this window.")
	default:
		show(rw, http.StatusBadRequest, "That did not work", "The terminal says why. You can close this window.")
	}
	w.done <- outcome{token, err}
}

// settle turns what the browser came back with into a token.
func (w *waiter) settle(q url.Values) (*oauth2.Token, error) {
	// Another server's answer, led here to make this one's secrets go there (RFC
	// 9207, RFC 9700 section 4.4).
	if iss := q["iss"]; len(iss) > 1 || len(iss) == 1 && iss[0] != w.server.Issuer || len(iss) == 0 && w.server.NamesIssuer {
		return nil, errors.New("the answer came from another server")
	}
	switch code := q.Get("error"); {
	case code == "access_denied":
		return nil, errDeclined
	case code != "":
		return nil, fmt.Errorf("it refuses with %q", printable(code))
	case len(q["code"]) != 1 || q.Get("code") == "":
		return nil, errors.New("the browser came back without a code")
	}
	token, err := w.exchange(q.Get("code"))
	if err != nil {
		return nil, told(err)
	}
	return token, nil
}

// show writes a page. Nothing on it comes from outside.
func show(w http.ResponseWriter, status int, title, text string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>%s</title>\n<h1>%s</h1>\n<p>%s</p>\n</html>\n", title, title, text)
}
