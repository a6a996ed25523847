package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// The grants.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	grantDevice  = "urn:ietf:params:oauth:grant-type:device_code"
)

// tokenAnswer is the answer of the token endpoint (RFC 6749 section 5.1).
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
}

// token answers POST /oauth/token. An address gets few failures: who has to guess
// runs into them, and a host from which many people's agents come does not.
func (s *Server) token(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Pragma", "no-cache") // RFC 6749 section 5.1
	who := limit.Address(r)
	if err := s.deps.Limiter.Allow(r.Context(), attempts, who); err != nil {
		return err
	}
	answer, err := s.exchange(w, r)
	if p, ok := errors.AsType[*problem](err); ok && p.code != authorizationPending && p.code != slowDown {
		if often := s.deps.Limiter.Allow(r.Context(), failures, who); often != nil {
			return often
		}
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, answer)
}

func (s *Server) exchange(w http.ResponseWriter, r *http.Request) (tokenAnswer, error) {
	form, err := readForm(w, r)
	if err != nil {
		return tokenAnswer{}, err
	}
	id, err := clientID(r, form)
	if err != nil {
		return tokenAnswer{}, err
	}
	if err := s.knows(r.Context(), id); err != nil {
		return tokenAnswer{}, unknownClient(err)
	}
	var answer tokenAnswer
	switch form.Get("grant_type") {
	case grantCode:
		answer, err = s.redeem(r, id, form)
	case grantRefresh:
		answer, err = s.refresh(r, id, form)
	case grantDevice:
		answer, err = s.pollDevice(r, id, form)
	case "":
		err = refuse(invalidRequest, "grant_type is missing")
	default:
		err = refuse(unsupportedGrantType, "the grant types are "+grantCode+", "+grantRefresh+" and "+grantDevice)
	}
	return answer, unknownClient(err)
}

// unknownClient says invalid_client with 401, on which clients register anew.
func unknownClient(err error) error {
	if errors.Is(err, errUnknownClient) {
		return &problem{code: invalidClient, status: http.StatusUnauthorized, text: errUnknownClient.Error()}
	}
	return err
}

// clientID says which client asks. All are public, so there is nothing to prove:
// whoever sends a secret nevertheless is not who they think they are. Some
// libraries try a header with an empty one first.
func clientID(r *http.Request, form url.Values) (string, error) {
	refused := &problem{code: invalidClient, status: http.StatusUnauthorized, text: "clients have no secret here: send client_id in the form and nothing more"}
	id := form.Get("client_id")
	if form.Get("client_secret") != "" || form.Get("client_assertion") != "" || form.Get("client_assertion_type") != "" {
		return "", refused
	}
	if len(r.Header.Values("Authorization")) > 0 {
		name, secret, ok := r.BasicAuth()
		name, err := url.QueryUnescape(name) // RFC 6749 section 2.3.1
		if !ok || err != nil || secret != "" || id != "" && name != id {
			return "", refused
		}
		id = name
	}
	if id == "" {
		return "", &problem{code: invalidClient, status: http.StatusUnauthorized, text: "client_id is missing"}
	}
	return id, nil
}

// access signs an access token of a connection.
func (s *Server) access(ctx context.Context, c records.Connection, role records.Role, at time.Time) (tokenAnswer, error) {
	scope := identity.Scopes(role)
	token, err := s.deps.Signer.IssueAccess(ctx, identity.Access{
		UserID: c.UserID, ClientID: c.ClientID, ConnectionID: c.ID, Scope: scope, Resource: c.Resource, IssuedAt: at, ExpiresAt: at.Add(identity.AccessLifetime),
	})
	if err != nil {
		return tokenAnswer{}, err
	}
	return tokenAnswer{AccessToken: token, TokenType: "Bearer", ExpiresIn: int64(identity.AccessLifetime / time.Second), Scope: scope}, nil
}

// personalLifetime is how long a sign-in of the command line lasts.
const personalLifetime = 90 * 24 * time.Hour

// personal makes a sign-in of the command line's, under an id that is known
// already. The secret is in the answer alone.
func (s *Server) personal(ctx context.Context, userID, id, device string, at time.Time) (tokenAnswer, error) {
	if device == "" {
		device = "Command line"
	}
	c := identity.NewCredential(userID, id)
	err := s.deps.Records.CreateSession(ctx, records.Session{
		ID: id, UserID: userID, Kind: records.CommandLine, Name: device, SecretHash: c.Hash(),
		CreatedAt: at, LastUsed: at, ExpiresAt: at.Add(personalLifetime),
	})
	if fault.Is(err, fault.NotFound) {
		return tokenAnswer{}, errUserGone()
	}
	if err != nil {
		return tokenAnswer{}, err
	}
	return tokenAnswer{
		AccessToken: c.String(identity.PersonalPrefix), TokenType: "Bearer", ExpiresIn: int64(personalLifetime / time.Second), Scope: scopeAccount,
	}, nil
}

// end ends what was made by a code: a connection, or a sign-in of the command
// line. That it is gone already is fine.
func (s *Server) end(ctx context.Context, account bool, userID, id string, at time.Time) error {
	var err error
	if account {
		err = s.deps.Records.EndSession(ctx, userID, id, at, at)
	} else {
		err = s.deps.Records.EndConnection(ctx, userID, id)
	}
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// slugOf is the slug of a canonical resource.
func (s *Server) slugOf(resource string) string {
	_, slug, _ := s.deps.Hosts.Kind(hostOf(resource))
	return strings.ToLower(slug)
}
