package oauth

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// maxRedirects is how many redirect URIs a client may register.
const maxRedirects = 10

// registration is what a client says of itself (RFC 7591 section 2), as far as it
// matters here; the rest is ignored.
type registration struct {
	RedirectURIs  []string `json:"redirect_uris"`
	ClientName    string   `json:"client_name"`
	ClientURI     string   `json:"client_uri"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	Scope         string   `json:"scope"`
}

// registered is the answer (RFC 7591 section 3.2.1): what was made of it.
type registered struct {
	ClientID       string   `json:"client_id"`
	ClientIDIssued int64    `json:"client_id_issued_at"`
	ClientName     string   `json:"client_name,omitempty"`
	ClientURI      string   `json:"client_uri,omitempty"`
	RedirectURIs   []string `json:"redirect_uris"`
	GrantTypes     []string `json:"grant_types"`
	ResponseTypes  []string `json:"response_types"`
	AuthMethod     string   `json:"token_endpoint_auth_method"`
	Scope          string   `json:"scope,omitempty"`
}

// register answers POST /oauth/register (RFC 7591). Anybody may register, so a
// registration is worth little: it is limited, vouched for by nobody, and gone
// after a day unless somebody consents to it.
func (s *Server) register(w http.ResponseWriter, r *http.Request) error {
	if err := s.deps.Limiter.Allow(r.Context(), registrations, limit.Address(r)); err != nil {
		return err
	}
	asked, err := readRegistration(w, r)
	if err != nil {
		return err
	}
	if err := s.deps.Limiter.Allow(r.Context(), allClients, "everybody"); err != nil {
		return err
	}
	now := time.Now().UTC()
	c := records.Client{
		ID: "wbc_" + strings.ToLower(rand.Text()), Name: cleanName(asked.ClientName), URI: homePage(asked.ClientURI),
		RedirectURIs: asked.RedirectURIs, CreatedAt: now, ExpiresAt: now.Add(unusedClient),
	}
	if err := s.deps.Records.PutClient(r.Context(), c); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, registered{
		ClientID: c.ID, ClientIDIssued: now.Unix(), ClientName: c.Name, ClientURI: c.URI, RedirectURIs: c.RedirectURIs,
		GrantTypes: offered(asked.GrantTypes, grantCode, grantRefresh), ResponseTypes: []string{"code"}, AuthMethod: "none",
		Scope: strings.Join(offered(strings.Fields(asked.Scope), identity.ScopeRead, identity.ScopeWrite), " "),
	})
}

func readRegistration(w http.ResponseWriter, r *http.Request) (registration, error) {
	var asked registration
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/json" {
		return asked, refuse(invalidClientMetadata, "send the metadata as application/json")
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm))
	err := dec.Decode(&asked)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return asked, &problem{code: invalidClientMetadata, status: http.StatusRequestEntityTooLarge, text: "the metadata are too large"}
	}
	if err != nil {
		return asked, &problem{code: invalidClientMetadata, text: "the metadata cannot be read", err: err}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return asked, refuse(invalidClientMetadata, "there is more than one JSON object")
	}
	if n := len(asked.RedirectURIs); n < 1 || n > maxRedirects {
		return asked, refuse(invalidRedirectURI, "register 1 to 10 redirect_uris")
	}
	for _, uri := range asked.RedirectURIs {
		if err := checkRedirect(uri); err != nil {
			return asked, refuse(invalidRedirectURI, "a redirect URI cannot be used: "+printable(err.Error()))
		}
	}
	return asked, nil
}

// offered is what of the list is offered here; all of it when the list names
// nothing of that.
func offered(asked []string, offer ...string) []string {
	kept := slices.DeleteFunc(slices.Clone(offer), func(o string) bool { return !slices.Contains(asked, o) })
	if len(kept) == 0 {
		return offer
	}
	return kept
}

// homePage keeps the address of a client's page if it is one.
func homePage(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.User != nil || len(raw) > maxRedirect || checkRedirect(raw) != nil {
		return ""
	}
	return raw
}

// unseen reports whether a character would not be seen as itself: control and
// format characters (which turn the direction of writing), other spaces, private
// use, and fillers that are blank.
func unseen(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		unicode.IsSpace(r) && r != ' '
}
