package mcp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
)

// visit is one HTTP request to one wiki, as the tools see it.
type visit struct {
	identity.Entry
	client    string // what the caller said of itself when it connected; "" if unknown
	userAgent string
	requestID string

	// The SDK runs tools on goroutines of its own, so a failure is handed back to
	// the request's log record under a lock.
	mu  sync.Mutex
	err error
}

func (v *visit) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = err
}

func (v *visit) failure() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

// visitKey: the SDK hands tools nothing of the HTTP request but its context.
type visitKey struct{}

func visitOf(ctx context.Context) *visit { return ctx.Value(visitKey{}).(*visit) }

func (s *Service) serve(w http.ResponseWriter, r *http.Request) error {
	kind, slug, ok := s.hosts.Kind(r.Host)
	if !ok || kind != routes.WikiHost {
		return fault.New(fault.NotFound, "connect to host %q: no wiki is served there", r.Host)
	}
	w.Header().Set("Cache-Control", "no-store")
	if err := checkOrigin(r); err != nil {
		return err
	}
	if r.Method != http.MethodPost {
		return s.notPost(w, r, slug)
	}
	ctx := r.Context()
	v, err := s.enter(ctx, r, slug)
	if err != nil {
		return err
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	if err := web.CheckText(body); err != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, err = io.WriteString(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the request `+err.Error()+`"}}`)
		return err
	}
	introduce(w, r, v, body)
	if err := s.demand(w, r, v, body); err != nil {
		return err
	}
	s.stream.ServeHTTP(w, lenient(r, context.WithValue(ctx, visitKey{}, v), body))
	web.RecordOf(ctx).Err = v.failure()
	return nil
}

// enter opens the wiki for reading; tools that write ask for more.
func (s *Service) enter(ctx context.Context, r *http.Request, slug string) (*visit, error) {
	e, err := s.gate.Enter(ctx, slug, identity.Read)
	if err != nil {
		return nil, err
	}
	rec := web.RecordOf(ctx)
	rec.Wiki = e.Wiki.ID
	if e.Wiki, err = s.engine.Begun(ctx, e.Wiki); err != nil {
		return nil, err
	}
	return &visit{Entry: e, userAgent: r.UserAgent(), requestID: rec.ID}, nil
}

// checkOrigin refuses requests that a page of another site makes a browser send,
// as the specification demands (transports, security warning).
func checkOrigin(r *http.Request) error {
	raw := r.Header.Get("Origin")
	if raw == "" {
		return nil
	}
	if u, err := url.Parse(raw); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return nil
	}
	return fault.New(fault.Denied, "refuse a request from origin %q: it is not this wiki's", raw)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fault.New(fault.TooLarge, "read the request: it is larger than %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "read the request: it broke off")
	}
	return body, nil
}

// lenient returns the request as the SDK wants it. It insists on an Accept of
// both JSON and event streams, but some clients send one of them, or nothing;
// the answer is JSON for all.
func lenient(r *http.Request, ctx context.Context, body []byte) *http.Request {
	r = r.Clone(ctx)
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Accept", "application/json, text/event-stream")
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// notPost answers what is no message: people who open the URL get a page that
// says what it is for; clients that probe for an event stream or a session to
// end hear that there is none.
func (s *Service) notPost(w http.ResponseWriter, r *http.Request, slug string) error {
	if r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") {
		return s.human.write(w, slug, s.hosts.Wiki(slug, endpoint), s.hosts.Root("/app/"))
	}
	return web.WrongMethod(w, r, http.MethodPost)
}
