package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"wikibot.io/pkg/fault"
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

// patience is how long a fetch may take, from the look-up to the last byte.
const patience = 5 * time.Second

// New returns a fetcher: https on port 443 alone, no redirects, no address that
// is not public (loopback, private, link-local, shared, multicast, metadata
// services, IPv4 inside IPv6), 5 seconds, MaxBytes, no cookies, no credentials,
// no proxy of the environment.
func New(o Options) (Fetcher, error) {
	if o.MaxBytes <= 0 || o.Type == "" {
		return nil, errors.New("new fetcher: the largest size and the type of documents are both needed")
	}
	client := o.Client
	if client == nil {
		client = guarded(net.DefaultResolver)
	}
	// A copy, because these two are not for the caller to decide.
	own := *client
	own.Jar = nil
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &fetcher{client: &own, max: o.MaxBytes, typ: o.Type}, nil
}

// guarded is a client whose every connection goes through [check].
func guarded(names *net.Resolver) *http.Client {
	dialer := &net.Dialer{Timeout: patience, Resolver: names, ControlContext: check}
	return &http.Client{Transport: &http.Transport{
		Proxy:                  nil, // one in the environment would connect for us, unchecked
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    patience,
		ResponseHeaderTimeout:  patience,
		MaxResponseHeaderBytes: 16 << 10,
		DisableCompression:     true,
		DisableKeepAlives:      true, // the next fetch is of somebody else, minutes later
	}}
}

type fetcher struct {
	client *http.Client
	max    int64
	typ    string
}

// Fetch implements [Fetcher].
func (f *fetcher) Fetch(ctx context.Context, raw string) (Document, error) {
	if err := checkURL(raw); err != nil {
		return Document{}, fault.Wrap(err, fault.Invalid, "fetch document: its address may not be fetched")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, raw, nil)
	if err != nil {
		return Document{}, fault.Wrap(err, fault.Invalid, "fetch document: its address may not be fetched")
	}
	r.Header.Set("Accept", f.typ)
	r.Header.Set("User-Agent", "wikibot")
	// Said here, the transport neither asks for compression nor undoes it: what is
	// counted is what came.
	r.Header.Set("Accept-Encoding", "identity")
	resp, err := f.client.Do(r)
	if err != nil {
		return Document{}, unreached(err)
	}
	defer resp.Body.Close()
	if err := f.checkHead(resp); err != nil {
		return Document{}, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, f.max+1))
	if err != nil {
		return Document{}, unreached(err)
	}
	if int64(len(body)) > f.max {
		return Document{}, tooLarge(f.max)
	}
	return Document{Body: body, Header: resp.Header}, nil
}

// unreached tells an address that may not be connected to, which is the asker's
// fault, from weather.
func unreached(err error) error {
	if inward, ok := errors.AsType[*inwardError](err); ok {
		return fault.Wrap(inward, fault.Invalid, "fetch document: its host is not on the public internet")
	}
	return fault.Wrap(err, fault.Unavailable, "fetch document: its host could not be reached, or did not answer in time")
}

func tooLarge(limit int64) error {
	return fault.New(fault.Invalid, "fetch document: it is larger than %d bytes", limit)
}

// checkHead looks at an answer before its body is read.
func (f *fetcher) checkHead(resp *http.Response) error {
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= http.StatusInternalServerError:
		return fault.New(fault.Unavailable, "fetch document: its host answered %d", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return fault.New(fault.Invalid, "fetch document: its host answered %d, not 200", resp.StatusCode)
	case resp.ContentLength > f.max:
		return tooLarge(f.max)
	case resp.Header.Get("Content-Encoding") != "" || resp.Uncompressed:
		return fault.New(fault.Invalid, "fetch document: it came compressed although that was not asked for")
	}
	got, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || !f.wanted(got) {
		return fault.Wrap(fmt.Errorf("it came as %q", got), fault.Invalid, "fetch document: it is not of type %s", f.typ)
	}
	return nil
}

// wanted accepts structured suffixes too (RFC 6839): application/x+json is JSON.
func (f *fetcher) wanted(typ string) bool {
	if typ == f.typ {
		return true
	}
	kind, sub, _ := strings.Cut(f.typ, "/")
	return strings.HasPrefix(typ, kind+"/") && strings.HasSuffix(typ, "+"+sub)
}
