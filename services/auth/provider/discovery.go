package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	documentAge    = 24 * time.Hour   // then the document is read again
	discoveryPause = 10 * time.Second // after a failure: a form that many submit must not become a flood
)

// asymmetric are the algorithms by which an ID token may be signed. With HS256
// our client secret would be a signing key, and with "none" nothing would be.
var asymmetric = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512,
	oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

// document is what we read of OpenID Connect Discovery 1.0 section 3, RFC 9207
// section 3 and RP-Initiated Logout 1.0 section 2.1.
type document struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Keys          string   `json:"jwks_uri"`
	UserInfo      string   `json:"userinfo_endpoint"`
	EndSession    string   `json:"end_session_endpoint"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	Scopes        []string `json:"scopes_supported"`
	Methods       []string `json:"token_endpoint_auth_methods_supported"`
	SendsIssuer   bool     `json:"authorization_response_iss_parameter_supported"`
	Prompts       []string `json:"prompt_values_supported"` // Initiating User Registration 1.0 section 4
}

// prompt is what makes people choose an account (Core 3.1.2.1). Few issuers say
// which values they know; those that do, and do not know this one, show who is in
// when they ask for the sign-in once more.
func (d document) prompt() string {
	if len(d.Prompts) > 0 && !slices.Contains(d.Prompts, "select_account") && slices.Contains(d.Prompts, "login") {
		return "login"
	}
	return "select_account"
}

// found is a document that was checked, and what follows from it.
type found struct {
	document
	oauth      oauth2.Config
	keys       oidc.KeySet
	algorithms []string
	at         time.Time
}

// discovery reads the issuer's document when it is first needed, and never more
// than one at a time.
type discovery struct {
	issuer, clientID, secret string
	client                   *http.Client
	now                      atomic.Pointer[found]
	turn                     chan struct{} // holds one value while somebody reads
	failure                  error         // of the last attempt; read and written in turn
	failedAt                 time.Time
}

// get returns the document, the former one if it cannot be read again.
func (d *discovery) get(ctx context.Context) (*found, error) {
	if f := d.now.Load(); f != nil && time.Since(f.at) < documentAge {
		return f, nil
	}
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-d.turn }()
	former := d.now.Load()
	if former != nil && time.Since(former.at) < documentAge {
		return former, nil // somebody else has read it meanwhile
	}
	if d.failure == nil || time.Since(d.failedAt) >= discoveryPause {
		f, err := d.read(ctx, former)
		if err == nil {
			d.failure = nil
			d.now.Store(f)
			return f, nil
		}
		d.failure, d.failedAt = err, time.Now()
	}
	if former != nil {
		return former, nil
	}
	return nil, d.failure
}

// read asks the issuer. It goes on when the browser that made us ask has gone
// away: others wait for the same answer.
func (d *discovery) read(ctx context.Context, former *found) (*found, error) {
	ctx, cancel := patient(ctx)
	defer cancel()
	var doc document
	if err := getJSON(ctx, d.client, strings.TrimSuffix(d.issuer, "/")+"/.well-known/openid-configuration", "", &doc); err != nil {
		return nil, fmt.Errorf("read the discovery document: %w", err)
	}
	if err := d.check(doc); err != nil {
		return nil, fmt.Errorf("read the discovery document: %w", err)
	}
	f := &found{document: doc, algorithms: algorithms(doc.Algorithms), at: time.Now()}
	if len(f.algorithms) == 0 {
		return nil, errors.New("read the discovery document: no ID token is signed with an asymmetric algorithm")
	}
	f.oauth = oauth2.Config{
		ClientID: d.clientID, ClientSecret: d.secret, Scopes: scopes(doc.Scopes),
		Endpoint: oauth2.Endpoint{AuthURL: doc.Authorization, TokenURL: doc.Token, AuthStyle: authStyle(doc.Methods, d.secret)},
	}
	if former != nil && former.Keys == doc.Keys {
		f.keys = former.keys
	} else {
		f.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), d.client), doc.Keys)
	}
	return f, nil
}

// check compares the issuer byte for byte (Discovery 4.3), and looks where
// secrets would go.
func (d *discovery) check(doc document) error {
	if doc.Issuer != d.issuer {
		return fmt.Errorf("it is of another issuer, %q", brief(doc.Issuer))
	}
	loopback := strings.HasPrefix(d.issuer, "http://")
	for _, e := range []struct {
		name, address string
		needed        bool
	}{
		{"authorization_endpoint", doc.Authorization, true},
		{"token_endpoint", doc.Token, true},
		{"jwks_uri", doc.Keys, true},
		{"userinfo_endpoint", doc.UserInfo, false},
		{"end_session_endpoint", doc.EndSession, false},
	} {
		if e.address == "" && !e.needed {
			continue
		}
		if _, err := secure(e.address, loopback); err != nil {
			return fmt.Errorf("its %s is %w", e.name, err)
		}
	}
	return nil
}

// algorithms are those of the document that we take; RS256 if it names none, which
// every issuer has.
func algorithms(supported []string) []string {
	if len(supported) == 0 {
		return []string{oidc.RS256}
	}
	var list []string
	for _, a := range supported {
		if slices.Contains(asymmetric, a) {
			list = append(list, a)
		}
	}
	return list
}

// scopes asks for a refresh token only where there are any to be had: some
// issuers refuse scopes that they do not know.
func scopes(supported []string) []string {
	list := []string{oidc.ScopeOpenID, "email", "profile"}
	if slices.Contains(supported, oidc.ScopeOfflineAccess) {
		list = append(list, oidc.ScopeOfflineAccess)
	}
	return list
}

// authStyle chooses how we authenticate at the token endpoint. To try one way
// and then the other, as the library would, is to send a code twice: the second
// time it looks stolen.
func authStyle(methods []string, secret string) oauth2.AuthStyle {
	post := slices.Contains(methods, "client_secret_post") && !slices.Contains(methods, "client_secret_basic")
	if secret == "" || post {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

// patient is a context with the time that ctx has left, but which does not end
// when whoever waits for it goes away.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if latest := time.Now().Add(callTime); !ok || deadline.After(latest) {
		deadline = latest
	}
	return context.WithDeadline(context.WithoutCancel(ctx), deadline)
}
