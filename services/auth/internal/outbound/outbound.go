package outbound

import (
	"context"
	"net/http"
)

// Document is what was fetched.
type Document struct {
	Body   []byte
	Header http.Header
}

// Fetcher fetches documents.
type Fetcher interface {
	// Fetch gets an https URL. fault.Invalid when it may not be fetched or is no
	// such document (status, type, size); fault.Unavailable when it could not be.
	Fetch(ctx context.Context, url string) (Document, error)
}

// Options bound what is fetched.
type Options struct {
	MaxBytes int64  // of a body
	Type     string // the media type that is wanted: "application/json"
	// Client replaces the guarded one, in tests.
	Client *http.Client
}

// New returns a fetcher: https on port 443 alone, no redirects, no address that
// is not public (loopback, private, link-local, shared, multicast, metadata
// services, IPv4 inside IPv6), 5 seconds, MaxBytes, no cookies, no credentials,
// no proxy of the environment.
func New(o Options) (Fetcher, error) { panic("unwritten") }
