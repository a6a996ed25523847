package providertest

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// OIDCOptions says how an OpenID Connect provider behaves, and to whom.
type OIDCOptions struct {
	Listen       string   // loopback host and port; "" means any port of 127.0.0.1
	ClientID     string   // "" means "wikibot"
	ClientSecret string   // "" makes a public client
	Redirects    []string // registered redirect URIs; see Allow

	NoRefresh   bool          // gives no refresh tokens, and does not offer the scope
	KeepRefresh bool          // does not rotate them
	LeanToken   bool          // the ID token has no profile and no e-mail: the userinfo has
	TokenLife   time.Duration // of ID tokens; 0 means an hour, less than 0 that they have expired
}

// OIDC is an OpenID Connect provider with one client. Its issuer is its URL.
type OIDC struct {
	*server
	*allowed
	store *store
}

// NewOIDC starts one.
func NewOIDC(o OIDCOptions) (*OIDC, error) {
	if o.ClientID == "" {
		o.ClientID = "wikibot"
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	registered := &allowed{list: slices.Clone(o.Redirects)}
	st, err := newStore(client{OIDCOptions: o, registered: registered})
	if err != nil {
		return nil, err
	}
	l, base, err := listen(o.Listen)
	if err != nil {
		return nil, err
	}
	h, err := handler(base, o, st)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return &OIDC{server: serve(l, base, h), allowed: registered, store: st}, nil
}

// EndSessions ends all that a person has at the provider: their refresh tokens are
// worth nothing any more.
func (p *OIDC) EndSessions(username string) { p.store.endSessions(username) }

// RotateKeys signs with a new key from now on; the former ones stay published.
func (p *OIDC) RotateKeys() error { return p.store.rotateKeys() }

// handler puts the login page beside the protocol.
func handler(base string, o OIDCOptions, st *store) (http.Handler, error) {
	scopes := []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail}
	if !o.NoRefresh {
		scopes = append(scopes, oidc.ScopeOfflineAccess)
	}
	c := &op.Config{
		DefaultLogoutRedirectURI: base + "/logged-out",
		CodeMethodS256:           true,
		AuthMethodPost:           true,
		GrantTypeRefreshToken:    !o.NoRefresh,
		SupportedScopes:          scopes,
	}
	if _, err := rand.Read(c.CryptoKey[:]); err != nil {
		return nil, err
	}
	provider, err := op.NewProvider(c, st, op.StaticIssuer(base), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", provider)
	mux.Handle(loginPath, login{title: "OpenID Connect test provider", finish: func(w http.ResponseWriter, r *http.Request, id string, p *Person) {
		finish(w, r, provider, st, id, p)
	}})
	mux.HandleFunc("GET /logged-out", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("You are signed out.\n"))
	})
	return mux, nil
}

// finish leads on from the login page.
func finish(w http.ResponseWriter, r *http.Request, provider *op.Provider, st *store, id string, p *Person) {
	ctx := op.ContextWithIssuer(r.Context(), provider.IssuerFromRequest(r))
	if p == nil {
		req, err := st.AuthRequestByID(ctx, id)
		if err != nil {
			http.Error(w, "the sign-in is over", http.StatusBadRequest)
			return
		}
		op.AuthRequestError(w, r.WithContext(ctx), req, oidc.ErrAccessDenied(), provider)
		return
	}
	if !st.signIn(id, *p) {
		http.Error(w, "the sign-in is over", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, op.AuthCallbackURL(provider)(ctx, url.QueryEscape(id)), http.StatusSeeOther)
}

// client is the one client, as the library wants to know it.
type client struct {
	OIDCOptions
	registered *allowed
}

func (c client) GetID() string                    { return c.ClientID }
func (c client) RedirectURIs() []string           { return c.registered.all() }
func (c client) PostLogoutRedirectURIs() []string { return nil }
func (c client) RedirectURIGlobs() []string       { return nil }
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c client) LoginURL(id string) string           { return loginPath + "?id=" + url.QueryEscape(id) }
func (c client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }
func (c client) IDTokenLifetime() time.Duration      { return c.TokenLife }
func (c client) DevMode() bool                       { return true } // redirects to http addresses
func (c client) IsScopeAllowed(string) bool          { return false }
func (c client) IDTokenUserinfoClaimsAssertion() bool {
	return !c.LeanToken
}
func (c client) ClockSkew() time.Duration { return 0 }

// PostLogoutRedirectURIGlobs allows the pages of our origins: a star does not
// match a slash.
func (c client) PostLogoutRedirectURIGlobs() (list []string) {
	for _, o := range c.registered.origins() {
		list = append(list, o+"/*", o+"/*/*", o+"/*/*/*")
	}
	return list
}

func (c client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }

func (c client) AuthMethod() oidc.AuthMethod {
	if c.ClientSecret == "" {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

func (c client) GrantTypes() []oidc.GrantType {
	if c.NoRefresh {
		return []oidc.GrantType{oidc.GrantTypeCode}
	}
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}

func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}

func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}

// userinfo tells about a person what the scopes allow.
func userinfo(info *oidc.UserInfo, subject string, scopes []string) error {
	p, err := PersonOf(subject)
	if err != nil {
		return err
	}
	for _, s := range scopes {
		switch s {
		case oidc.ScopeOpenID:
			info.Subject = p.Username
		case oidc.ScopeEmail:
			info.Email, info.EmailVerified = p.Email, oidc.Bool(p.Verified)
		case oidc.ScopeProfile:
			info.Name, info.PreferredUsername = p.Name, p.Username
		}
	}
	return nil
}

var _ op.HasRedirectGlobs = client{} // it is found by its type alone
