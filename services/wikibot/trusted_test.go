package wikibot_test

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"wikibot.io/services/auth/provider/providertest"
	"wikibot.io/services/internal/e2e"
)

// One process signs people in at an issuer, and takes the access tokens that the
// issuer gives their agents, as far as it was told to.
func TestTrustedIssuer(t *testing.T) {
	idp, err := providertest.NewOIDC(providertest.OIDCOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer idp.Close()
	fleet, err := e2e.StartProcess(exec.Command("wikibot", "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0",
		"--sign-in", "oidc", "--sign-in-issuer", idp.URL(), "--sign-in-client", "wikibot", "--trust-issuer", idp.URL()+"=viewer"))
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Stop()
	idp.Allow(fleet.URL() + "/auth/callback")
	jar, err := e2e.NewJar()
	if err != nil {
		t.Fatal(err)
	}
	browser := e2e.NewClient(jar)
	at, err := e2e.Visitor{Username: "ada", Client: browser}.Visit(fleet.URL() + "/auth/login?return_to=%2Fapp%2F")
	if err != nil || at.Path != "/app/" {
		t.Fatalf("sign in: at %v, %v", at, err)
	}
	if status, said := post(t, browser, fleet.URL()+"/api/wikis", `{"slug":"ada","name":"Notes"}`, "Origin", fleet.URL()); status != http.StatusCreated {
		t.Fatalf("create wiki: %d: %s", status, said)
	}
	resource := strings.Replace(fleet.URL(), "://", "://ada.", 1) + "/mcp"
	for _, c := range []struct {
		why    string
		access providertest.Access
		tool   string
		want   int
	}{
		{"it reads", providertest.Access{Username: "ada", Audience: resource}, "list_notes", http.StatusOK},
		{"it does not write: the issuer is trusted with reading", providertest.Access{Username: "ada", Audience: resource}, "write_note", http.StatusForbidden},
		{"it writes by a scope of ours", providertest.Access{Username: "ada", Audience: resource, Scope: "wiki:read wiki:write"}, "write_note", http.StatusOK},
		{"it is of nobody here", providertest.Access{Username: "eve", Audience: resource}, "list_notes", http.StatusUnauthorized},
		{"it is for something else", providertest.Access{Username: "ada", Audience: fleet.URL()}, "list_notes", http.StatusUnauthorized},
	} {
		token, err := idp.AccessToken(c.access)
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":{"path":"Page","content":"x"}}}`, c.tool)
		if status, said := post(t, e2e.NewClient(nil), resource, body, "Authorization", "Bearer "+token); status != c.want {
			t.Errorf("%s: status %d, want %d: %s", c.why, status, c.want, said)
		}
	}
	if status, said := get(t, resource[:len(resource)-len("/mcp")]+"/.well-known/oauth-protected-resource/mcp"); status != http.StatusOK || !strings.Contains(said, idp.URL()) {
		t.Errorf("the wiki's document names no issuer that is trusted: %d: %s", status, said)
	}
}

func get(t *testing.T, target string) (int, string) {
	t.Helper()
	res, err := e2e.NewClient(nil).Get(target)
	return answer(t, res, err)
}

// post sends JSON, as the app or an agent does.
func post(t *testing.T, client *http.Client, target, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(req)
	return answer(t, res, err)
}

func answer(t *testing.T, res *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}
