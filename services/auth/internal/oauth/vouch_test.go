package oauth

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/outbound"
)

// mirror is an internet on which every address describes itself as a client.
type mirror struct{ asked []string }

func (m *mirror) Fetch(_ context.Context, address string) (outbound.Document, error) {
	m.asked = append(m.asked, address)
	body := fmt.Sprintf(`{"client_id":%q,"client_name":"Official agent","redirect_uris":["https://evil.example/cb"]}`, address)
	return outbound.Document{Body: []byte(body), Header: http.Header{}}, nil
}

// TestDocumentOnAWiki: anybody may put a file on a wiki of ours, and our own name
// would vouch for what it says.
func TestDocumentOnAWiki(t *testing.T) {
	hosts, err := web.NewHosts("https://wikibot.io")
	if err != nil {
		t.Fatal(err)
	}
	internet := &mirror{}
	docs, err := newDocuments(internet, hosts)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"https://eve.wikibot.io/client.json", "https://wikibot.io/client.json", "https://eve.wikibot.io:443/client.json", "https://EVE.wikibot.io/client.json"} {
		if c, err := docs.client(t.Context(), id); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %+v, %v", id, c, err)
		}
	}
	if len(internet.asked) != 0 {
		t.Errorf("asked %v", internet.asked)
	}
	if c, err := docs.client(t.Context(), "https://notwikibot.io/client.json"); err != nil || c.Host != "notwikibot.io" {
		t.Errorf("another site: %+v, %v", c, err)
	}
}
