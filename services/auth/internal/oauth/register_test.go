package oauth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRegistration(t *testing.T) {
	s := newSite(t)
	rw := s.send(http.MethodPost, "/oauth/register", `{
		"client_name": " Claude \u202e Code\n", "client_uri": "https://agent.example.com", "redirect_uris": ["http://localhost:3118/callback"],
		"grant_types": ["authorization_code", "refresh_token", "implicit"], "response_types": ["code", "token"], "token_endpoint_auth_method": "client_secret_post",
		"scope": "wiki:read offline_access", "logo_uri": "javascript:alert(1)", "x": {"y": [1]}
	}`, "Content-Type", "application/json; charset=utf-8", "Origin", "https://inspector.example.com")
	got := jsonOf(t, rw.Body)
	id, _ := got["client_id"].(string)
	issued, _ := got["client_id_issued_at"].(float64)
	if rw.Code != http.StatusCreated || !strings.HasPrefix(id, "wbc_") || len(id) < 20 || issued == 0 || rw.Header().Get("Cache-Control") != "no-store" || rw.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%d %v %v", rw.Code, rw.Header(), got)
	}
	delete(got, "client_id")
	delete(got, "client_id_issued_at")
	want := map[string]any{
		"client_name": "Claude Code", "client_uri": "https://agent.example.com", "redirect_uris": []any{"http://localhost:3118/callback"},
		"grant_types": []any{"authorization_code", "refresh_token"}, "response_types": []any{"code"}, "token_endpoint_auth_method": "none", "scope": "wiki:read",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRegistrationsThatAreRefused(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		why, typ, body string
		status         int
		want           string
	}{
		{"a form", formType, "redirect_uris=x", 400, "invalid_client_metadata"},
		{"no type", "", `{"redirect_uris":["http://localhost/cb"]}`, 400, "invalid_client_metadata"},
		{"a type that is none", ";;", `{"redirect_uris":["http://localhost/cb"]}`, 400, "invalid_client_metadata"},
		{"no JSON", "application/json", `{`, 400, "invalid_client_metadata"},
		{"nothing", "application/json", ``, 400, "invalid_client_metadata"},
		{"an array", "application/json", `[]`, 400, "invalid_client_metadata"},
		{"a name that is no text", "application/json", `{"client_name":1,"redirect_uris":["http://localhost/cb"]}`, 400, "invalid_client_metadata"},
		{"two objects", "application/json", `{"redirect_uris":["http://localhost/cb"]}{}`, 400, "invalid_client_metadata"},
		{"too large", "application/json", `{"x":"` + strings.Repeat("y", 17<<10) + `"}`, 413, "invalid_client_metadata"},
		{"no redirects", "application/json", `{}`, 400, "invalid_redirect_uri"},
		{"too many", "application/json", `{"redirect_uris":[` + strings.Repeat(`"http://localhost/cb",`, 10) + `"http://localhost/cb"]}`, 400, "invalid_redirect_uri"},
		{"a script", "application/json", `{"redirect_uris":["http://localhost/cb","javascript:alert(1)"]}`, 400, "invalid_redirect_uri"},
		{"plain http elsewhere", "application/json", `{"redirect_uris":["http://example.com/cb"]}`, 400, "invalid_redirect_uri"},
		{"a fragment", "application/json", `{"redirect_uris":["https://example.com/cb#x"]}`, 400, "invalid_redirect_uri"},
		{"an empty one", "application/json", `{"redirect_uris":[""]}`, 400, "invalid_redirect_uri"},
		{"a policy in the host", "application/json", `{"redirect_uris":["https://x;script-src/cb"]}`, 400, "invalid_redirect_uri"},
	} {
		rw := s.send(http.MethodPost, "/oauth/register", c.body, "Content-Type", c.typ)
		wantError(t, c.why, rw.Code, jsonOf(t, rw.Body), c.status, c.want)
	}
}
