package auth

import (
	"net/http"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/services/auth/internal/api"
	"wikibot.io/services/auth/internal/oauth"
	"wikibot.io/services/auth/internal/outbound"
)

// mountOAuth adds the authorization server.
func (s *Service) mountOAuth(mux *http.ServeMux, client *http.Client) error {
	documents, err := outbound.New(outbound.Options{MaxBytes: oauth.MaxDocument, Type: "application/json", Client: client})
	if err != nil {
		return err
	}
	gate, err := identity.NewGate(s.records)
	if err != nil {
		return err
	}
	server, err := oauth.New(oauth.Deps{
		Hosts: s.hosts, Records: s.records, Gate: gate, Signer: s.signer, Verifier: identity.NewVerifier(s.keys, s.hosts),
		SignedIn: s.auth.OnRoot, Renewed: s.renewed, Pages: s.pages, Limiter: s.limiter, Documents: documents, Log: s.log,
	})
	if err != nil {
		return err
	}
	server.Mount(mux)
	return nil
}

// renewed says whose browser a form comes from. Who is in by a session whose tokens
// have run out since the form was shown goes on.
func (s *Service) renewed(w http.ResponseWriter, r *http.Request) (identity.Principal, error) {
	p, err := s.auth.OnRoot(r)
	if err != nil || p.Kind == identity.Session {
		return p, err
	}
	n, err := s.renew(r)
	if fault.Is(err, fault.Unauthenticated) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	if _, err := s.give(w, r, n); err != nil {
		return p, err
	}
	u := n.user
	return identity.Principal{Kind: identity.Session, UserID: u.ID, Username: u.Username, Email: u.Email, DisplayName: u.DisplayName}, nil
}

// mountAPI adds the account API.
func (s *Service) mountAPI(mux *http.ServeMux) error {
	a, err := api.New(api.Deps{
		Hosts: s.hosts, Records: s.records, Authenticator: s.auth, Limiter: s.limiter, Grace: DeletionGrace, Log: s.log,
	})
	if err != nil {
		return err
	}
	mux.Handle("/api/account", a.Handler())
	mux.Handle("/api/account/", a.Handler())
	return nil
}
