package mcp_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// person makes a user as sign-in does, and grants a role in the wiki if there is
// one.
func (d *door) person(t *testing.T, name string, role records.Role) records.User {
	t.Helper()
	u := records.User{ID: events.NewID(time.Now()), Username: name, Email: name + "@example.org", DisplayName: name, Tier: records.Free, CreatedAt: time.Now()}
	if err := d.Records.CreateUser(t.Context(), u, records.Identity{Provider: "dev", Subject: u.Email}); err != nil {
		t.Fatal(err)
	}
	if role != "" {
		if err := d.Records.PutGrant(t.Context(), records.Grant{WikiID: d.wiki.ID, UserID: u.ID, Role: role, GrantedBy: d.Owner.ID}, 0, &events.Actor{UserId: d.Owner.ID}); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// connected makes a connection of a user with the wiki docs.
func (d *door) connected(t *testing.T, u records.User, role records.Role) records.Connection {
	t.Helper()
	now := time.Now()
	c := records.Connection{
		ID: events.NewID(now), UserID: u.ID, WikiID: d.wiki.ID, ClientID: "client", ClientName: "Gardener", Resource: d.Hosts.Wiki("docs", "/mcp"),
		Role: role, RefreshHash: "hash", CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	if err := d.Records.CreateConnection(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// access is what a connection is given to come with.
func (d *door) access(t *testing.T, c records.Connection, change ...func(*identity.Access)) []string {
	t.Helper()
	a := identity.Access{UserID: c.UserID, ClientID: c.ClientID, ConnectionID: c.ID, Scope: identity.Scopes(c.Role), Resource: c.Resource}
	for _, f := range change {
		f(&a)
	}
	token, err := d.Signer.IssueAccess(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return bearer(token)
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

const metadataOfDocs = `resource_metadata="http://docs.wikibot.localhost/.well-known/oauth-protected-resource/mcp"`

// wantUnauthorised holds a refusal to what makes clients begin OAuth.
func wantUnauthorised(t *testing.T, why string, res *http.Response, body string) {
	t.Helper()
	challenge := res.Header.Get("WWW-Authenticate")
	if res.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(challenge, "Bearer ") || !strings.Contains(challenge, metadataOfDocs) || !strings.Contains(challenge, `scope="wiki:read wiki:write"`) {
		t.Errorf("%s: %d, challenge %q, want 401 with the metadata and the scopes: %s", why, res.StatusCode, challenge, body)
	}
}

func TestMetadata(t *testing.T) {
	d := newDoor(t)
	d.Publish(t, d.Wiki(t, "open"))
	for _, slug := range []string{"docs", "open", "nosuch"} {
		for _, path := range []string{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"} {
			// A token that is no good must not keep a client from getting another.
			res, body := d.postTo(t, slug, "GET", path, "", "Authorization", "Bearer x", "Origin", "https://client.example")
			var got map[string]any
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatalf("%s %s: %v in %s", slug, path, err, body)
			}
			want := map[string]any{
				"resource": "http://" + slug + ".wikibot.localhost/mcp", "resource_name": "the wiki " + slug,
				"authorization_servers": []any{"http://wikibot.localhost", "https://issuer.example.org"},
				"scopes_supported":      []any{"wiki:read", "wiki:write"}, "bearer_methods_supported": []any{"header"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s: %s", slug, path, diff)
			}
			h := res.Header
			if res.StatusCode != 200 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Cache-Control") != "public, max-age=300" || h.Get("Content-Type") != "application/json" {
				t.Errorf("%s %s: %d %v", slug, path, res.StatusCode, h)
			}
		}
	}
	for _, c := range []struct {
		why, slug, method, path string
		status                  int
	}{
		{"no other resource is below", "docs", "GET", "/.well-known/oauth-protected-resource/mcp/x", 404},
		{"nor is the folder one", "docs", "GET", "/.well-known/oauth-protected-resource/", 404},
		{"nor a name that only begins so", "docs", "GET", "/.well-known/oauth-protected-resources", 404},
		{"a host that can be no wiki's", "a.b", "GET", "/.well-known/oauth-protected-resource", 404},
		{"nothing is changed here", "docs", "POST", "/.well-known/oauth-protected-resource", 405},
		{"a browser asks first whether it may", "docs", "OPTIONS", "/.well-known/oauth-protected-resource/mcp", 204},
		{"a look at the header", "docs", "HEAD", "/.well-known/oauth-protected-resource/mcp", 200},
	} {
		if res, body := d.postTo(t, c.slug, c.method, c.path, ""); res.StatusCode != c.status {
			t.Errorf("%s: %s %s: %d, want %d: %s", c.why, c.method, c.path, res.StatusCode, c.status, body)
		}
	}
}

// What a client that was given nothing but the URL sees: where it must ask, and
// where it need not.
func TestWhereAuthorizationBegins(t *testing.T) {
	d := newDoor(t)
	write := rpc("tools/call", args{"name": "write_note", "arguments": args{"path": "X", "content": "x"}})
	read := rpc("tools/call", args{"name": "read_note", "arguments": args{"path": "Home"}})
	post := func(body string, header ...string) (*http.Response, string) {
		return d.post(t, "POST", "/mcp", body, header...)
	}
	for why, body := range map[string]string{"a private wiki, at once": initialize, "reading": read, "writing": write} {
		res, answer := post(body)
		wantUnauthorised(t, why, res, answer)
	}
	d.Publish(t, d.wiki)
	for why, body := range map[string]string{"a public wiki, connecting": initialize, "reading": read, "listing": rpc("tools/list", args{}), "a tool that is none": rpc("tools/call", args{"name": "burn_note"})} {
		if res, answer := post(body); res.StatusCode != 200 {
			t.Errorf("%s: %d %s", why, res.StatusCode, answer)
		}
	}
	for why, body := range map[string]string{
		"a public wiki, at the first write": write, "a batch with a write in it": "[" + read + "," + write + "]",
		"spaces before a batch": " \n[" + write + "]",
	} {
		res, answer := post(body)
		wantUnauthorised(t, why, res, answer)
		if strings.Contains(res.Header.Get("WWW-Authenticate"), "error=") {
			t.Errorf("%s: who brought no token has no wrong one: %s", why, res.Header.Get("WWW-Authenticate"))
		}
	}
	res, answer := post(write, "Authorization", "Bearer nonsense")
	wantUnauthorised(t, "a token that is none", res, answer)
	if !strings.Contains(res.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("it does not hear that its token is no good: %s", res.Header.Get("WWW-Authenticate"))
	}
}

func TestAConnectedAgentReadsAndWrites(t *testing.T) {
	d := newDoor(t)
	auth := d.access(t, d.connected(t, d.person(t, "eve", records.Editor), records.Editor))
	s := d.connect(t, "docs", auth...)
	call(t, s, "read_note", args{"path": "Home"}).ok(t)
	call(t, s, "write_note", args{"path": "New", "content": "x"}).ok(t, "Created New")
	call(t, s, "get_history", args{"path": "New"}).ok(t, "eve via Claude Code")
	// A client that never introduced itself goes by the name it was connected under.
	write := rpc("tools/call", args{"name": "write_note", "arguments": args{"path": "Other", "content": "x"}})
	if res, body := d.post(t, "POST", "/mcp", write, append(auth, "User-Agent", "node")...); res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	call(t, s, "get_history", args{"path": "Other"}).ok(t, "eve via Gardener")
}

// A client whose own rights are too small is told by HTTP to ask for more, with
// all that it needs; one whose person may not write is told in words, since
// asking again would change nothing.
func TestInsufficientScope(t *testing.T) {
	d := newDoor(t)
	editor, viewer, stranger := d.person(t, "ed", records.Editor), d.person(t, "vi", records.Viewer), d.person(t, "stranger", "")
	never := time.Time{}
	const widen, words, nothing = "asks for more", "says it in words", "passes"
	for _, public := range []bool{false, true} {
		if public {
			d.Publish(t, d.wiki)
		}
		for _, c := range []struct {
			why    string
			header []string
			want   string
		}{
			{"a reading connection of an editor", d.access(t, d.connected(t, editor, records.Viewer)), widen},
			{"a reading token in a writing connection", d.access(t, d.connected(t, editor, records.Editor), func(a *identity.Access) { a.Scope = "wiki:read" }), widen},
			{"a writing token in a connection that was lowered", d.access(t, d.connected(t, editor, records.Viewer), func(a *identity.Access) { a.Scope = "wiki:read wiki:write" }), widen},
			{"a reading token of the owner", bearer(d.Token(t, d.wiki, records.Viewer, never)), widen},
			{"a reading connection of a viewer", d.access(t, d.connected(t, viewer, records.Viewer)), words},
			{"a writing connection of a viewer", d.access(t, d.connected(t, viewer, records.Editor)), words},
			{"a writing token of a viewer", bearer(d.Token(t, d.wiki, records.Editor, never, viewer)), words},
			{"a writing connection of an editor", d.access(t, d.connected(t, editor, records.Editor)), nothing},
		} {
			for tool, a := range map[string]args{
				"write_note": {"path": "../x", "content": "x"}, "edit_note": {"path": "Home", "old_string": "", "new_string": "x"},
				"rename_note": {"path": "Home", "new_path": "Home"}, "delete_note": {"path": "Nothing"},
			} {
				res, body := d.post(t, "POST", "/mcp", rpc("tools/call", args{"name": tool, "arguments": a}), c.header...)
				challenge := res.Header.Get("WWW-Authenticate")
				refused := strings.Contains(body, `"kind":"denied"`)
				switch c.want {
				case widen:
					if res.StatusCode != 403 || challenge != `Bearer realm="docs", error="insufficient_scope", `+metadataOfDocs+`, scope="wiki:read wiki:write"` {
						t.Errorf("%s, public %v: %s: %d, challenge %q: %s", c.why, public, tool, res.StatusCode, challenge, body)
					}
				default:
					if res.StatusCode != 200 || refused != (c.want == words) || challenge != "" {
						t.Errorf("%s, public %v: %s: %d, challenge %q, want one that %s: %s", c.why, public, tool, res.StatusCode, challenge, c.want, body)
					}
				}
			}
			if res, body := d.post(t, "POST", "/mcp", rpc("tools/call", args{"name": "read_note", "arguments": args{"path": "Home"}}), c.header...); res.StatusCode != 200 || strings.Contains(body, `"isError":true`) {
				t.Errorf("%s, public %v: cannot read: %d %s", c.why, public, res.StatusCode, body)
			}
		}
	}
	// Whoever is a stranger even here is one in words: there is nothing to consent to.
	write := rpc("tools/call", args{"name": "write_note", "arguments": args{"path": "X", "content": "x"}})
	if res, body := d.post(t, "POST", "/mcp", write, d.access(t, d.connected(t, stranger, records.Viewer))...); res.StatusCode != 200 || !strings.Contains(body, `"kind":"denied"`) {
		t.Errorf("a stranger's connection: %d %s", res.StatusCode, body)
	}
}
