package providertest

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// store is what the provider remembers: op.Storage in memory.
type store struct {
	client client

	mu       sync.Mutex
	keys     []key                // the last one signs
	requests map[string]*request  // by id
	codes    map[string]string    // code to id of a request
	access   map[string]signedIn  // by id of the access token
	refresh  map[string]*signedIn // by refresh token
}

// signedIn is somebody who has signed in, for tokens.
type signedIn struct {
	subject, clientID string
	scopes            []string
	at                time.Time
}

func newStore(c client) (*store, error) {
	s := &store{
		client: c, requests: map[string]*request{}, codes: map[string]string{},
		access: map[string]signedIn{}, refresh: map[string]*signedIn{},
	}
	return s, s.rotateKeys()
}

func (s *store) rotateKeys() error {
	k, err := newKey()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, k)
	return nil
}

func (s *store) endSessions(subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.refresh, func(_ string, g *signedIn) bool { return g.subject == subject })
	maps.DeleteFunc(s.access, func(_ string, g signedIn) bool { return g.subject == subject })
}

// signIn notes who it is that the request waited for.
func (s *store) signIn(id string, p Person) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[id]
	if !ok {
		return false
	}
	done := *r
	done.subject, done.at = p.Username, time.Now()
	s.requests[id] = &done
	return true
}

func (s *store) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if len(r.Prompt) == 1 && r.Prompt[0] == oidc.PromptNone {
		return nil, oidc.ErrLoginRequired()
	}
	req := &request{AuthRequest: r, id: rand.Text()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[req.id] = req
	return req, nil
}

func (s *store) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[id]
	if !ok {
		return nil, errors.New("there is no such request")
	}
	return r, nil
}

// AuthRequestByCode spends the code, even if what comes with it turns out wrong.
func (s *store) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[s.codes[code]]
	delete(s.codes, code)
	if !ok {
		return nil, errors.New("there is no such code")
	}
	return r, nil
}

func (s *store) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *store) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

const accessTime = 5 * time.Minute

func (s *store) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, until := s.newAccess(r)
	return id, until, nil
}

// newAccess is called with the lock held.
func (s *store) newAccess(r op.TokenRequest) (string, time.Time) {
	id := rand.Text()
	s.access[id] = signedIn{subject: r.GetSubject(), clientID: s.client.ClientID, scopes: r.GetScopes(), at: time.Now()}
	return id, time.Now().Add(accessTime)
}

// CreateAccessAndRefreshTokens takes the current refresh token away, unless tokens
// are kept.
func (s *store) CreateAccessAndRefreshTokens(_ context.Context, r op.TokenRequest, current string) (string, string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current != "" {
		if _, ok := s.refresh[current]; !ok {
			return "", "", time.Time{}, oidc.ErrInvalidGrant()
		}
		if s.client.KeepRefresh {
			id, until := s.newAccess(r)
			return id, "", until, nil // and none new, as such providers do
		}
		delete(s.refresh, current)
	}
	next := rand.Text() + rand.Text()
	s.refresh[next] = &signedIn{subject: r.GetSubject(), clientID: s.client.ClientID, scopes: r.GetScopes(), at: time.Now()}
	id, until := s.newAccess(r)
	return id, next, until, nil
}

func (s *store) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.refresh[token]
	if !ok {
		return nil, op.ErrInvalidRefreshToken
	}
	return &renewal{*g}, nil
}

func (s *store) TerminateSession(_ context.Context, userID, _ string) error {
	s.endSessions(userID)
	return nil
}

func (s *store) RevokeToken(_ context.Context, token, _, _ string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.refresh, token)
	delete(s.access, token)
	return nil
}

func (s *store) GetRefreshTokenInfo(_ context.Context, _, token string) (string, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.refresh[token]
	if !ok {
		return "", "", op.ErrInvalidRefreshToken
	}
	return g.subject, token, nil
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return signingKey{s.keys[len(s.keys)-1]}, nil
}

func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (s *store) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]op.Key, len(s.keys))
	for i, k := range s.keys {
		list[i] = publicKey{k}
	}
	return list, nil
}

func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.client.ClientID {
		return nil, errors.New("there is no such client")
	}
	return s.client, nil
}

func (s *store) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != s.client.ClientID || s.client.ClientSecret == "" || subtle.ConstantTimeCompare([]byte(secret), []byte(s.client.ClientSecret)) != 1 {
		return oidc.ErrInvalidClient()
	}
	return nil
}

// SetUserinfoFromScopes does nothing: the library asks for it to be empty beside
// SetUserinfoFromRequest.
func (s *store) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

func (s *store) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, scopes []string) error {
	return userinfo(info, r.GetSubject(), scopes)
}

func (s *store) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, id, subject, _ string) error {
	s.mu.Lock()
	g, ok := s.access[id]
	s.mu.Unlock()
	if !ok || g.subject != subject || time.Since(g.at) > accessTime {
		return errors.New("the token is good no more")
	}
	return userinfo(info, subject, g.scopes)
}

func (s *store) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errors.New("there is no introspection here")
}

func (s *store) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (s *store) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errors.New("clients have no keys here")
}

func (s *store) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errors.New("there are no JWT profiles here")
}

func (s *store) Health(context.Context) error { return nil }
