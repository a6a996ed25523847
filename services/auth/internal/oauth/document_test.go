package oauth_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/services/auth/internal/oauth"
)

const documentID = "https://agent.example.com/oauth/client.json"

// document answers with a client ID metadata document.
func document(m map[string]any, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.Write(must(json.Marshal(m)))
	}
}

func describes(more ...any) map[string]any {
	m := map[string]any{"client_id": documentID, "client_name": "Agent", "redirect_uris": []string{"http://localhost/callback", callback}}
	for i := 0; i < len(more); i += 2 {
		m[more[i].(string)] = more[i+1]
	}
	return m
}

func TestClientWithADocument(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	s.clients = document(describes("logo_uri", "https://agent.example.com/logo.png", "token_endpoint_auth_method", "private_key_jwt"))
	rw := s.visit(ada.cookie, "/oauth/authorize?"+s.asks(documentID, "ada", "redirect_uri", "http://localhost:52430/callback").Encode())
	ticketOf(t, rw)
	for _, says := range []string{"Connect Agent to Notes of ada?", "agent.example.com Agent The site itself describes this program.", "Any program on this computer can say that it is Agent"} {
		if !strings.Contains(text(rw), says) {
			t.Errorf("the page does not say %q: %s", says, text(rw))
		}
	}
	if strings.Contains(text(rw), "Nobody has checked") || strings.Contains(rw.Body.String(), "logo.png") {
		t.Error("the page says too much")
	}
	s.connect(ada, documentID, "ada")
	if got := s.connections(ada); len(got) != 1 || got[0].ClientHost != "agent.example.com" || got[0].ClientName != "Agent" {
		t.Errorf("connections %+v", got)
	}
	if s.fetched != 1 {
		t.Errorf("fetched %d times, want it kept", s.fetched)
	}
}

func TestDocumentsThatAreNone(t *testing.T) {
	for _, c := range []struct {
		why     string
		clients http.HandlerFunc
		status  int
		says    string
	}{
		{"about another client", document(describes("client_id", "https://agent.example.com/other.json")), 400, "does not say who it is"},
		{"about nobody", document(describes("client_id", "")), 400, "does not say who it is"},
		{"an id of another case", document(describes("client_id", strings.ToUpper(documentID))), 400, "does not say who it is"},
		{"no redirects", document(describes("redirect_uris", []string{})), 400, "does not say who it is"},
		{"redirects that cannot be used", document(describes("redirect_uris", []string{"javascript:alert(1)", "http://example.com/"})), 400, "does not say who it is"},
		{"a secret", document(describes("client_secret", "x")), 400, "does not say who it is"},
		{"a method with a secret", document(describes("token_endpoint_auth_method", "client_secret_basic")), 400, "does not say who it is"},
		{"no object", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(`["client_id"]`))
		}, 400, "does not say who it is"},
		{"a page", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }, 400, "does not say who it is"},
		{"missing", http.NotFound, 400, "does not say who it is"},
		{"too large", document(describes("x", strings.Repeat("y", oauth.MaxDocument))), 400, "does not say who it is"},
		{"away", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, 503, "could not be reached"},
		{"a redirect not listed", document(describes("redirect_uris", []string{"http://127.0.0.1/other"})), 400, "may not send you back there"},
	} {
		s := newSite(t)
		s.clients = c.clients
		wantPage(t, c.why, s.visit(s.person("ada").cookie, "/oauth/authorize?"+s.asks(documentID, "ada").Encode()), c.status, c.says)
	}
}

// TestDocumentIsFetchedAgain: when it has gone stale, sooner after a failure; and
// a site that is away for a moment stays known by what it said last.
func TestDocumentIsFetchedAgain(t *testing.T) {
	for _, c := range []struct {
		why     string
		headers []string
		after   time.Duration
		fetched int
	}{
		{"says nothing, four minutes", nil, 4 * time.Minute, 1},
		{"says nothing, six minutes", nil, 6 * time.Minute, 2},
		{"wants it fetched each time", []string{"Cache-Control", "no-cache, max-age=0"}, 4 * time.Minute, 1},
		{"an hour, fifty minutes", []string{"Cache-Control", "public, max-age=3600"}, 50 * time.Minute, 1},
		{"an hour, seventy minutes", []string{"Cache-Control", "max-age=3600"}, 70 * time.Minute, 2},
		{"a year, two days", []string{"Cache-Control", "max-age=31536000"}, 48 * time.Hour, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t)
			s.clients = document(describes(), c.headers...)
			s.visit(s.person("ada").cookie, "/oauth/authorize?"+s.asks(documentID, "ada").Encode())
			time.Sleep(c.after)
			s.visit(s.person("bob").cookie, "/oauth/authorize?"+s.asks(documentID, "ada").Encode())
			if s.fetched != c.fetched {
				t.Errorf("%s: fetched %d times, want %d", c.why, s.fetched, c.fetched)
			}
		})
	}
}

func TestSiteOfAClientIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		away := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
		ada := s.person("ada")
		s.wiki(ada, "ada", false)
		ask := func() int { return s.visit(ada.cookie, "/oauth/authorize?"+s.asks(documentID, "ada").Encode()).Code }
		s.clients = away
		if a, b := ask(), ask(); a != 503 || b != 503 || s.fetched != 1 {
			t.Errorf("%d, %d, fetched %d times: a reload fetches again", a, b, s.fetched)
		}
		time.Sleep(31 * time.Second)
		s.clients = document(describes())
		if got := ask(); got != http.StatusOK {
			t.Errorf("back again: %d", got)
		}
		s.clients = away
		time.Sleep(10 * time.Minute)
		if got := ask(); got != http.StatusOK || s.fetched != 3 {
			t.Errorf("away again: %d, fetched %d times", got, s.fetched)
		}
		time.Sleep(25 * time.Hour)
		ada = s.person("bob") // her tokens have run out
		if got := ask(); got != 503 {
			t.Errorf("away for a day: %d", got)
		}
	})
}

func TestAddressesThatAreNoClients(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	for _, id := range []string{
		"https://agent.example.com", "https://agent.example.com/", "https://agent.example.com/a#b", "https://u@agent.example.com/a", "https://agent.example.com/a/../b", "https://agent.example.com/%2e%2e/b",
		"https://AGENT.example.com/a", "https://127.0.0.1/a", "https://localhost/a", "https://agent.example.com:8443/a", "https://agent.example.com/" + strings.Repeat("a", 1000),
	} {
		rw := s.visit(ada.cookie, "/oauth/authorize?"+s.asks(id, "ada").Encode())
		wantPage(t, id, rw, http.StatusBadRequest, "does not say who it is")
	}
	for _, id := range []string{"http://agent.example.com/a", "wbc_unknown", "", strings.Repeat("x", 500), "HTTPS://agent.example.com/a"} {
		wantPage(t, id, s.visit("", "/oauth/authorize?"+s.asks(id, "ada").Encode()), http.StatusBadRequest, "program")
	}
	if s.fetched != 0 {
		t.Errorf("fetched %d times", s.fetched)
	}
}
