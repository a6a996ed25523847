package management

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/rest"
	"wikibot.io/pkg/web"
)

// Version is the version of the API. The description in contracts/api does not
// change without it: raise the last number for words, the middle one for what
// old clients can ignore, the first one for what breaks them.
const Version = "1.2.0"

// maxBody bounds a request's body, in bytes. The largest sensible one is a name
// of 100 characters.
const maxBody = 16 << 10

// apiConfig says what is the API's own.
func apiConfig() rest.Config {
	return rest.Config{
		Title:   "wikibot management API",
		Version: Version,
		Description: "Wikis as things that are made, listed, changed and deleted. It answers on the root host. " +
			"It takes the session cookie, with which state changes must come from a page of that host; " +
			"what is safe it answers to the personal token of wikibot login too, and to no other proof. " +
			"Errors are problem details (RFC 9457); errors lists every wrong field at once.",
		Schemes: map[string]*huma.SecurityScheme{
			"session":  {Type: "apiKey", In: "cookie", Name: identity.RootCookie, Description: "set by the sign-in at /auth/login"},
			"personal": {Type: "http", Scheme: "bearer", Description: "the token that wikibot login keeps (wbp_…)"},
		},
		Security: []map[string][]string{{"session": {}}},
		MaxBody:  maxBody,
	}
}

// Describe returns the API's description, OpenAPI 3.1 in JSON.
func (s *Service) Describe() ([]byte, error) { return s.api.Describe() }

// sessionOnly ends requests that neither a browser's session vouches for nor, as
// long as they are safe, a personal token; before their path is looked at, so that
// strangers cannot tell one path from another.
func sessionOnly(next http.Handler) http.Handler {
	return web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		switch identity.From(r.Context()).Kind {
		case identity.Session:
		case identity.CommandLine:
			if r.Method != http.MethodGet {
				return fault.New(fault.Denied, "use the management API: the command line may only read here; sign in with a browser to change things")
			}
		default:
			return fault.New(fault.Unauthenticated, "use the management API: sign in with a browser, or by wikibot login; wiki tokens do not open it")
		}
		next.ServeHTTP(w, r)
		return nil
	}, nil)
}
