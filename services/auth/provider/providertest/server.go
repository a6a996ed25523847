package providertest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// server listens on a loopback address.
type server struct {
	base string
	http *http.Server
	done chan struct{}
}

// listen opens the address, "" for any free port of 127.0.0.1. The handler is
// made afterwards, since it has to know the address.
func listen(address string) (net.Listener, string, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", err
	}
	if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
		return nil, "", errors.Join(fmt.Errorf("listen on %s: it is not a loopback address", address), l.Close())
	}
	return l, "http://" + l.Addr().String(), nil
}

func serve(l net.Listener, base string, h http.Handler) *server {
	s := &server{base: base, http: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // it ends by Close
	}()
	return s
}

// URL is where the server is, without a slash at the end.
func (s *server) URL() string { return s.base }

// Close stops the server at once.
func (s *server) Close() error {
	err := s.http.Close()
	<-s.done
	return err
}

// SignIn does what somebody with that username does in a browser that was sent to
// authURL, and returns the address that they are sent back to.
func (s *server) SignIn(authURL, username string) (string, error) {
	return s.visit(authURL, url.Values{"username": {username}})
}

// Cancel does what somebody does who does not want to sign in after all.
func (s *server) Cancel(authURL string) (string, error) {
	return s.visit(authURL, url.Values{"decision": {"cancel"}})
}

// visit follows redirects until they lead away, and sends the login form once.
func (s *server) visit(address string, form url.Values) (string, error) {
	client := &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for range 10 {
		at, err := url.Parse(address)
		if err != nil {
			return "", err
		}
		if at.Scheme+"://"+at.Host != s.base {
			return address, nil
		}
		var resp *http.Response
		if at.Path == loginPath && form != nil {
			form.Set("id", at.Query().Get("id"))
			resp, err = client.PostForm(s.base+loginPath, form)
			form = nil
		} else {
			resp, err = client.Get(address)
		}
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		resp.Body.Close()
		to, locErr := resp.Location()
		if err != nil || locErr != nil {
			return "", fmt.Errorf("sign in at %s: it answered %d: %s", at.Path, resp.StatusCode, strings.TrimSpace(string(text)))
		}
		address = to.String()
	}
	return "", errors.New("sign in: there are too many redirects")
}

// allowed are addresses that an application has registered.
type allowed struct {
	mu   sync.Mutex
	list []string
}

// Allow registers more redirect URIs: the address of what is tested is often
// known later than this server. Every page of the same origin may be come back to
// after the end of a session.
func (a *allowed) Allow(redirects ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, redirects...)
}

func (a *allowed) all() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.list...)
}

// origins are those of the redirect URIs.
func (a *allowed) origins() (list []string) {
	for _, r := range a.all() {
		if u, err := url.Parse(r); err == nil && u.Host != "" {
			list = append(list, u.Scheme+"://"+u.Host)
		}
	}
	return list
}
