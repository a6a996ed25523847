package identity_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
)

// TestMiddleware: behind each door the handler finds the principal, and so does
// the log; the door words the refusal.
func TestMiddleware(t *testing.T) {
	d := newDoor(t)
	who := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := web.RecordOf(r.Context())
		w.Write([]byte(string(identity.From(r.Context()).Kind) + " " + rec.Via + " " + rec.User))
	})
	write := func(w http.ResponseWriter, r *http.Request, err error) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="ada"`)
		web.WriteProblem(w, r, err)
	}
	for _, door := range []struct {
		name         string
		handler      http.Handler
		bearer, want string
	}{
		{"root", d.auth.Root(who, write), d.personal, "cli cli " + ada.ID},
		{"wiki", d.auth.Wiki(who, write), d.token, "token token " + ada.ID},
		{"mcp", d.auth.MCP(who, write), d.issueAccess(t, d.access), "agent agent " + ada.ID},
		{"git", d.auth.Git(who, write), d.token, "token token " + ada.ID},
	} {
		stack := web.Stack(slog.New(slog.DiscardHandler), door.handler)
		for _, c := range []struct {
			why     string
			headers []string
			status  int
			want    string
		}{
			{"nobody", nil, http.StatusOK, "anonymous anonymous "},
			{"ada", []string{"Authorization", "Bearer " + door.bearer}, http.StatusOK, door.want},
			{"a bearer that is no good", []string{"Authorization", "Bearer nonsense"}, http.StatusUnauthorized, ""},
		} {
			rw := httptest.NewRecorder()
			stack.ServeHTTP(rw, request(t, c.headers...))
			refused := rw.Header().Get("WWW-Authenticate") == `Bearer realm="ada"`
			if rw.Code != c.status || refused != (c.status == http.StatusUnauthorized) || !refused && rw.Body.String() != c.want {
				t.Errorf("%s, %s: %d %q", door.name, c.why, rw.Code, rw.Body)
			}
		}
	}
}
