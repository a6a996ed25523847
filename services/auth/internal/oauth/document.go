package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/outbound"
)

// MaxDocument is the size that [Deps.Documents] should allow, in bytes. The draft
// suggests 5 KB, which well-known clients exceed.
const MaxDocument = 32 << 10

// How long documents are kept: as long as their host says, within bounds; when
// they could not be had, long enough that a reload does no harm; and the last good
// one for a day, if its host is away.
const (
	leastFresh   = 5 * time.Minute
	mostFresh    = 24 * time.Hour
	failureFresh = 30 * time.Second
	maxDocuments = 1000
	maxID        = 1000 // bytes: access tokens carry it, and have to be small
)

// documents knows the clients whose ids are addresses of documents about them
// (draft-ietf-oauth-client-id-metadata-document).
type documents struct {
	fetcher outbound.Fetcher
	hosts   web.Hosts

	mu    sync.Mutex
	known *lru.Cache[string, knownDocument]
}

type knownDocument struct {
	client  client
	err     error // of the last fetch; nil when client is good
	until   time.Time
	fetched time.Time // when client was had; zero: never
}

func newDocuments(f outbound.Fetcher, hosts web.Hosts) (*documents, error) {
	known, err := lru.New[string, knownDocument](maxDocuments)
	return &documents{fetcher: f, hosts: hosts, known: known}, err
}

// client returns the client that the document at id describes; errors are those
// of [Server.client].
func (d *documents) client(ctx context.Context, id string) (client, error) {
	host, err := d.hostOf(id)
	if err != nil {
		return client{}, err
	}
	now := time.Now()
	last, ok := d.lookUp(id)
	if ok && now.Before(last.until) {
		return last.client, last.err
	}
	c, fresh, err := d.fetch(ctx, id, host)
	next := knownDocument{client: c, err: err, until: now.Add(fresh), fetched: now}
	if err != nil {
		next = knownDocument{err: err, until: now.Add(failureFresh)}
		if fault.Is(err, fault.Unavailable) && ok && !last.fetched.IsZero() && now.Sub(last.fetched) < mostFresh {
			next = knownDocument{client: last.client, until: next.until, fetched: last.fetched}
		}
		if ctx.Err() != nil {
			return next.client, next.err // the asker is gone; that is not to be remembered
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known.Add(id, next)
	return next.client, next.err
}

func (d *documents) lookUp(id string) (knownDocument, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known.Get(id)
}

// hostOf checks the address as an id: it has one spelling (a path, no dots in it,
// no fragment), and its host is none of ours, where anybody may put a document
// that would then be vouched for by our name.
func (d *documents) hostOf(id string) (string, error) {
	refused := fault.New(fault.Invalid, "read the client's document: its address cannot be the id of a client")
	u, err := url.Parse(id)
	if err != nil || len(id) > maxID || u.Scheme != "https" || u.User != nil || u.Opaque != "" || strings.Contains(id, "#") ||
		u.Host != strings.ToLower(u.Host) || u.Path == "" || u.Path == "/" || checkRedirect(id) != nil {
		return "", refused
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return "", refused
		}
	}
	if _, _, ours := d.hosts.Kind(u.Host); ours {
		return "", refused
	}
	return u.Hostname(), nil
}

// metadataDocument is a document, as far as it matters here.
type metadataDocument struct {
	ClientID     string          `json:"client_id"`
	ClientName   string          `json:"client_name"`
	RedirectURIs []string        `json:"redirect_uris"`
	AuthMethod   string          `json:"token_endpoint_auth_method"`
	Secret       json.RawMessage `json:"client_secret"`
}

// fetch gets and reads a document, and says for how long it is good.
func (d *documents) fetch(ctx context.Context, id, host string) (client, time.Duration, error) {
	doc, err := d.fetcher.Fetch(ctx, id)
	if err != nil {
		return client{}, 0, err
	}
	var m metadataDocument
	if err := json.Unmarshal(bytes.TrimPrefix(doc.Body, []byte("\xef\xbb\xbf")), &m); err != nil {
		return client{}, 0, fault.Wrap(err, fault.Invalid, "read the client's document: it is not what describes a client")
	}
	switch {
	case m.ClientID != id:
		return client{}, 0, fault.New(fault.Invalid, "read the client's document: it is about another client")
	// There is no way to share a secret with such a client, so one that means to
	// have one is not what it seems. A method with keys is another thing: we offer
	// none, and a client that knows others takes that (RFC 8414 section 2).
	case m.Secret != nil, strings.HasPrefix(m.AuthMethod, "client_secret_"):
		return client{}, 0, fault.New(fault.Invalid, "read the client's document: it speaks of a secret, and can have none")
	}
	c := client{ID: id, Name: cleanName(m.ClientName), Host: host}
	for _, uri := range m.RedirectURIs {
		if checkRedirect(uri) == nil && len(c.RedirectURIs) < 2*maxRedirects {
			c.RedirectURIs = append(c.RedirectURIs, uri)
		}
	}
	if len(c.RedirectURIs) == 0 {
		return client{}, 0, fault.New(fault.Invalid, "read the client's document: it lists no redirect URI that can be used")
	}
	return c, freshness(doc.Header), nil
}

// freshness is how long a host lets its document be kept (RFC 9111 section
// 5.2.2), within our bounds.
func freshness(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil && strings.EqualFold(name, "max-age") {
			return min(max(time.Duration(seconds)*time.Second, leastFresh), mostFresh)
		}
	}
	return leastFresh
}
