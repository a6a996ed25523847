package auth

import (
	"net/http"

	"wikibot.io/services/auth/internal/api"
)

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
