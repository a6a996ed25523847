package issuerkeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/fault"
)

const (
	timeout   = 4 * time.Second // of a whole fetch; identity's verifiers wait for 5
	maxAnswer = 256 << 10       // bytes; large sets have about 20 KiB
	maxKeys   = 50
)

// Source is one issuer: an identity.KeySource. It keeps nothing, since its caller
// does. It is safe for concurrent use.
type Source struct {
	issuer    string
	documents [2]string // where the issuer may describe itself
	client    *http.Client
}

// New returns the source of an issuer: an https URL, or http on this very machine.
// A nil transport means http.DefaultTransport.
func New(issuer string, transport http.RoundTripper) (*Source, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(issuer, "?#") || !secure(u) {
		return nil, fmt.Errorf("trust issuer %q: want an https URL without query", issuer)
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	origin := u.Scheme + "://" + u.Host
	return &Source{
		issuer: issuer,
		documents: [2]string{
			origin + path + "/.well-known/openid-configuration",
			origin + "/.well-known/oauth-authorization-server" + path, // RFC 8414 section 3.1 puts it in between
		},
		client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("it redirects")
		}},
	}, nil
}

// secure reports whether nobody on the way can change what comes from there.
func secure(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && addr.IsLoopback())
}

// PublicKeys fetches the keys. The error is fault.Unavailable when they cannot be
// had, or when there is none among them that signatures can be checked with.
func (s *Source) PublicKeys(ctx context.Context) (jwk.Set, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	set, err := s.fetch(ctx)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "fetch the keys of issuer %s: they cannot be had", s.issuer)
	}
	return set, nil
}

func (s *Source) fetch(ctx context.Context) (jwk.Set, error) {
	var failed error
	for _, document := range s.documents {
		address, err := s.discover(ctx, document)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("read %s: %w", document, err))
			continue
		}
		text, err := s.get(ctx, address)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", address, err)
		}
		return parse(text)
	}
	return nil, failed
}

// discover returns where the issuer's keys are, as it says itself.
func (s *Source) discover(ctx context.Context, document string) (string, error) {
	text, err := s.get(ctx, document)
	if err != nil {
		return "", err
	}
	var doc struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return "", err
	}
	// Byte for byte (RFC 8414 section 3.3): else one tenant could speak for another.
	if doc.Issuer != s.issuer {
		return "", fmt.Errorf("it describes issuer %.200q", doc.Issuer)
	}
	u, err := url.Parse(doc.Keys)
	if err != nil || u.Host == "" || u.User != nil || !secure(u) {
		return "", fmt.Errorf("its keys are at %.200q", doc.Keys)
	}
	// From a public issuer's document no way leads to services of this machine.
	if u.Scheme == "http" && !strings.HasPrefix(s.issuer, "http:") {
		return "", fmt.Errorf("its keys are at %.200q", doc.Keys)
	}
	return doc.Keys, nil
}

func (s *Source) get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %d", res.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = errors.New("it is too long")
	}
	return text, err
}

// parse reads a key set one by one, since a key of a kind that nobody here knows is
// no reason to refuse the others (RFC 7517 section 5).
func parse(text []byte) (jwk.Set, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Keys) > maxKeys {
		return nil, fmt.Errorf("it lists %d keys", len(doc.Keys))
	}
	set := jwk.NewSet()
	for _, raw := range doc.Keys {
		key, err := jwk.ParseKey(raw)
		if err != nil || key.KeyID() == "" || key.KeyType() != jwa.RSA && key.KeyType() != jwa.EC {
			continue
		}
		public, err := key.PublicKey() // whatever the issuer thinks is public
		if err != nil {
			continue
		}
		// Chains and addresses of certificates are nobody's business here.
		for _, member := range []string{jwk.X509CertChainKey, jwk.X509URLKey} {
			if err := public.Remove(member); err != nil {
				return nil, err
			}
		}
		if _, twice := set.LookupKeyID(public.KeyID()); twice {
			continue
		}
		if err := set.AddKey(public); err != nil {
			return nil, err
		}
	}
	if set.Len() == 0 {
		return nil, errors.New("it lists no key that can be used")
	}
	return set, nil
}
