package cloud

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"wikibot.io/pkg/records"
)

// TrustedIssuers are foreign authorization servers, as the environment spells
// them.
type TrustedIssuers []Trusted

// Trusted is one of them.
type Trusted struct {
	Issuer string       `json:"issuer"` // URL, byte for byte as in its tokens
	Role   records.Role `json:"role"`   // what a token may do that has no scope of ours
}

// URLs lists them.
func (t TrustedIssuers) URLs() []string {
	urls := make([]string, len(t))
	for i, trusted := range t {
		urls[i] = trusted.Issuer
	}
	return urls
}

// UnmarshalText reads and checks the JSON.
func (t *TrustedIssuers) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode((*[]Trusted)(t)); err != nil {
		return fmt.Errorf("it is no JSON array of issuers: %w", err)
	}
	for _, i := range *t {
		u, err := url.Parse(i.Issuer)
		if err != nil || u.Host == "" || u.Scheme != "https" && !strings.HasSuffix(u.Hostname(), "localhost") && u.Hostname() != "127.0.0.1" {
			return fmt.Errorf("%q is no https URL", i.Issuer)
		}
		if i.Role != records.Viewer && i.Role != records.Editor {
			return fmt.Errorf("the role %q of %s is none of viewer, editor", i.Role, i.Issuer)
		}
	}
	return nil
}
