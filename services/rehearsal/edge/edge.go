package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"wikibot.io/services/rehearsal/template"
)

// Options are what an edge is made from. All but Log and Now are required.
type Options struct {
	Deployment *template.Deployment
	// Domain is the root domain that the templates are written for
	// ("dev.wikibot.io"), and Root the host that stands for it here
	// ("wikibot.localhost:8080"). Functions and origins see the latter.
	Domain, Root string
	// Origin gives what answers for an origin's domain name, unless that is a
	// bucket of the deployment. It returns nil if it knows nothing of it.
	Origin func(domain string) http.Handler
	// Bucket gives the objects of a bucket of the deployment by their keys, as
	// they were uploaded ([Upload]).
	Bucket func(bucket template.Resource) (Objects, error)
	Log    *slog.Logger
	Now    func() time.Time
}

// Edge answers for all distributions of a deployment. It is safe for concurrent
// use.
type Edge struct {
	Options
	distributions []*distribution
	known         map[string]*function
	lambdas       map[string]*lambda
	cache         store
}

// New reads the deployment's distributions and all that they refer to, and
// compiles the code that they run. All problems are reported at once.
func New(o Options) (*Edge, error) {
	if o.Deployment == nil || o.Domain == "" || o.Root == "" || o.Origin == nil || o.Bucket == nil {
		return nil, errors.New("make an edge: Deployment, Domain, Root, Origin and Bucket are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &Edge{Options: o, known: map[string]*function{}, lambdas: map[string]*lambda{}}
	var problems []error
	for _, r := range o.Deployment.Resources("AWS::CloudFront::Distribution") {
		d, err := e.distribution(r)
		problems = append(problems, err)
		e.distributions = append(e.distributions, d)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if len(e.distributions) == 0 {
		return nil, errors.New("make an edge: the deployment has no distribution")
	}
	return e, nil
}

// deployed maps a host of the rehearsal to the one that it stands for.
func (e *Edge) deployed(host string) string {
	root := hostname(e.Root)
	host = hostname(host)
	if sub, ok := strings.CutSuffix(host, root); ok && (sub == "" || strings.HasSuffix(sub, ".")) {
		return sub + e.Domain
	}
	return host
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// The limits on a request ("Maximum length of a request and maximum length of a
// URL"), in bytes.
const maxURL = 8192

// seven are the methods that CloudFront knows.
var seven = map[string]bool{"GET": true, "HEAD": true, "OPTIONS": true, "PUT": true, "POST": true, "PATCH": true, "DELETE": true}

// ServeHTTP answers a viewer's request.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d, best := (*distribution)(nil), 0
	for _, candidate := range e.distributions {
		if fit := candidate.takes(e.deployed(r.Host)); fit > best {
			d, best = candidate, fit
		}
	}
	if d == nil {
		e.refuse(w, r, http.StatusForbidden, "Error", "the host belongs to no distribution")
		return
	}
	v := newViewer(r)
	b := d.behaviorFor(v.uri)
	hasBody := v.length != 0 && r.Body != http.NoBody
	switch {
	case len(r.URL.RequestURI()) > maxURL:
		e.refuse(w, r, http.StatusRequestEntityTooLarge, "Error", "the address is too long")
	case !seven[r.Method]:
		e.refuse(w, r, http.StatusMethodNotAllowed, "Error", "the method is not supported")
	case !b.allows(r.Method):
		e.refuse(w, r, http.StatusForbidden, "Error", "the distribution is not configured to allow the method")
	case r.Method == http.MethodGet && hasBody:
		e.refuse(w, r, http.StatusForbidden, "Error", "a GET request has no body")
	default:
		(&exchange{Edge: e, d: d, b: b, v: v, w: w, r: r}).serve()
	}
}

func (b *behavior) allows(method string) bool { return contains(b.methods, method) }
func (b *behavior) keepsMethod(m string) bool { return contains(b.kept, m) }

func contains(list []string, s string) bool {
	for _, each := range list {
		if each == s {
			return true
		}
	}
	return false
}

// refuse answers for CloudFront itself. Pages of its own are short here.
func (e *Edge) refuse(w http.ResponseWriter, r *http.Request, status int, result, why string) {
	h := w.Header()
	h.Set("Content-Type", "text/html")
	h.Set("X-Cache", result+" from cloudfront")
	h.Set("Via", "1.1 "+name+" (CloudFront)")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, "<!DOCTYPE html><title>ERROR: The request could not be satisfied</title><h1>%d ERROR</h1><p>%s.\n", status, why)
	}
	e.Log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelInfo, "edge refused", slog.Int("status", status), slog.String("why", why))
}

// name is what the edge location calls itself in Via.
const name = "rehearsal.cloudfront.net"

// Objects are a bucket's objects by key.
type Objects map[string]Object

// Object is what was uploaded, with the headers that were uploaded with it.
type Object struct {
	Body                      []byte
	ContentType, CacheControl string
}
