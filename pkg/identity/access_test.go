package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// changed returns a copy of m; nil takes a member away.
func changed(m, change map[string]any) map[string]any {
	m = maps.Clone(m)
	for name, v := range change {
		if m[name] = v; v == nil {
			delete(m, name)
		}
	}
	return m
}

// vouch is an access token of the trusted issuer, with some claims changed.
func (d *door) vouch(t *testing.T, change map[string]any) string {
	t.Helper()
	return forge(t, jwa.RS256, d.foreign.private[0], map[string]any{"kid": "f"}, vouched(change))
}

func vouched(change map[string]any) map[string]any {
	now := time.Now().Unix()
	return changed(map[string]any{
		"iss": trusted, "aud": "https://ada.wikibot.io/mcp", "sub": "ada@login", "client_id": "elsewhere", "iat": now, "exp": now + 3600,
	}, change)
}

func TestAccessRoundTrip(t *testing.T) {
	d := newDoor(t)
	d.access.ExpiresAt = time.Now().Add(time.Hour).Truncate(time.Second)
	token := d.issueAccess(t, d.access)
	got, err := identity.NewVerifier(d.keys, newHosts(t)).VerifyAccess(t.Context(), token, d.access.Resource)
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(got.IssuedAt); age < 0 || age > time.Minute {
		t.Errorf("issued %v ago", age)
	}
	want := d.access
	want.Issuer, want.IssuedAt, want.ExpiresAt = "https://wikibot.io", got.IssuedAt, want.ExpiresAt.UTC()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, a := range map[string]identity.Access{
		"user": {ClientID: "c", ConnectionID: "c", Scope: "s", Resource: "r"}, "client": {UserID: "u", ConnectionID: "c", Scope: "s", Resource: "r"},
		"connection": {UserID: "u", ClientID: "c", Scope: "s", Resource: "r"}, "scope": {UserID: "u", ClientID: "c", ConnectionID: "c", Resource: "r"},
		"resource": {UserID: "u", ClientID: "c", ConnectionID: "c", Scope: "s"},
	} {
		if _, err := identity.NewSigner(d.keys, newHosts(t)).IssueAccess(t.Context(), a); err == nil {
			t.Errorf("issued a token without %s", name)
		}
	}
}

// TestForgedAccessTokens: each is refused at the door of the wiki ada, and nothing
// about why is told.
func TestForgedAccessTokens(t *testing.T) {
	d := newDoor(t)
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": "https://wikibot.io", "aud": "https://ada.wikibot.io/mcp", "sub": ada.ID, "client_id": "client", "cid": "c1",
		"scope": "wiki:read wiki:write", "iat": now, "exp": now + 3600,
	}
	header := map[string]any{"kid": "a", "typ": "at+jwt"}
	signed := func(inHeader, inClaims map[string]any) string {
		return forge(t, jwa.RS256, newKey("a"), changed(header, inHeader), changed(claims, inClaims))
	}
	says := func(name string, value any) string { return signed(nil, map[string]any{name: value}) }
	good := signed(nil, nil)
	parts := strings.Split(good, ".")
	enc := base64.RawURLEncoding.EncodeToString
	evil := withKid(rawOf(t, newKey("evil")), "a")

	for _, c := range []struct{ why, token string }{
		{"alg none", enc([]byte(`{"alg":"none","kid":"a","typ":"at+jwt"}`)) + "." + parts[1] + "."},
		{"alg none with the old signature", enc([]byte(`{"alg":"none","kid":"a","typ":"at+jwt"}`)) + "." + parts[1] + "." + parts[2]},
		{"HS256 signed with the public key", forge(t, jwa.HS256, publicPEM(t, newKey("a")), header, claims)},
		{"PS256 with the right key", forge(t, jwa.PS256, newKey("a"), header, claims)},
		{"token of wiki A on wiki B", says("aud", "https://bob.wikibot.io/mcp")},
		{"token for the web of the wiki", says("aud", "https://ada.wikibot.io")},
		{"token for all wikis", says("aud", "https://*.wikibot.io/mcp")},
		{"token of two wikis", says("aud", []string{"https://ada.wikibot.io/mcp", "https://bob.wikibot.io/mcp"})},
		{"token for nothing", says("aud", nil)},
		{"expired", says("exp", now-1)},
		{"never expires", says("exp", nil)},
		{"issued in the future", says("iat", now+600)},
		{"not valid yet", says("nbf", now+600)},
		{"another issuer", says("iss", "https://evil.example")},
		{"no issuer", says("iss", nil)},
		{"session as bearer", d.sessions.Wikis},
		{"session with the audience of an agent", signed(map[string]any{"typ": "JWT"}, map[string]any{"sid": "s1"})},
		{"no type", signed(map[string]any{"typ": nil}, nil)},
		{"no connection", says("cid", nil)},
		{"connection of another type", says("cid", 7)},
		{"no client", says("client_id", nil)},
		{"no user", says("sub", nil)},
		{"a connection that is gone", says("cid", "c9")},
		{"another user's connection", says("sub", id("eve"))},
		{"a connection of another client", says("client_id", "evil")},
		{"no scope", says("scope", nil)},
		{"a scope that is not ours", says("scope", "openid account wiki:admin")},
		{"a key that travels with the token (jwk)", forge(t, jwa.RS256, evil, changed(header, map[string]any{"jwk": publicOf(t, evil)}), claims)},
		{"a key elsewhere (jku)", forge(t, jwa.RS256, evil, changed(header, map[string]any{"jku": "https://evil.example/jwks"}), claims)},
		{"a certificate elsewhere (x5u)", forge(t, jwa.RS256, evil, changed(header, map[string]any{"x5u": "https://evil.example/x"}), claims)},
		{"kid path tricks", forge(t, jwa.RS256, evil, changed(header, map[string]any{"kid": "../../../dev/null"}), claims)},
		{"kid injection", forge(t, jwa.RS256, evil, changed(header, map[string]any{"kid": "a' OR '1'='1"}), claims)},
		{"no kid", forge(t, jwa.RS256, rawOf(t, newKey("a")), map[string]any{"typ": "at+jwt"}, claims)},
		{"crit that we do not understand", signed(map[string]any{"crit": []string{"x"}, "x": 1}, nil)},
		{"crit for unencoded payloads", signed(map[string]any{"crit": []string{"b64"}, "b64": true}, nil)},
		{"changed payload", parts[0] + "." + enc([]byte(`{"aud":"https://ada.wikibot.io/mcp"}`)) + "." + parts[2]},
		{"huge", says("pad", strings.Repeat("x", 1<<20))},
		{"four parts", good + ".x"},
		{"two parts", parts[0] + "." + parts[1]},
		{"another key under our kid", forge(t, jwa.RS256, evil, header, claims)},
	} {
		p, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+c.token))
		if !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: got %v, %v, want unauthenticated", c.why, p, err)
			continue
		}
		e, _ := errors.AsType[*fault.Error](err)
		if e.Msg != "check access token: it is not valid: connect again" && e.Msg != "check access token: the agent is no longer connected: connect it again" {
			t.Errorf("%s: the message tells why: %q", c.why, e.Msg)
		}
	}
	if _, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+good)); err != nil {
		t.Errorf("the token that the others were made from: %v", err)
	}
	if _, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+string(jsonForm(parts)))); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("JSON serialization: %v, want unauthenticated", err)
	}
	toB := request(t, "Authorization", "Bearer "+good)
	toB.Host = "bob.wikibot.io"
	if _, err := d.auth.OnMCP(toB); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("token of wiki A on wiki B, known from a moment ago: %v", err)
	}
}

// TestDuplicatedMembers: of two, parsers do not agree on which one counts. Such a
// token is refused even with our own signature.
func TestDuplicatedMembers(t *testing.T) {
	k := &keys{private: []jwk.Key{newKey("a")}}
	v := identity.NewVerifier(k, newHosts(t))
	now := time.Now().Unix()
	claims := func(more string) string {
		return fmt.Sprintf(`{"iss":"https://wikibot.io","aud":"https://wikibot.io","sub":"u","sid":"s1","iat":%d,"exp":%d%s}`, now, now+60, more)
	}
	const header = `{"alg":"RS256","kid":"a","typ":"JWT"`
	for _, c := range []struct {
		why, header, payload string
		want                 fault.Kind
	}{
		{"as it should be", header + "}", claims(""), ""},
		{"two subjects", header + "}", claims(`,"sub":"eve"`), fault.Unauthenticated},
		{"two subjects, one spelled otherwise", header + "}", claims(`,"Sub":"eve"`), fault.Unauthenticated},
		{"two subjects, one escaped", header + "}", claims(`,"s\u0075b":"eve"`), fault.Unauthenticated},
		{"two audiences", header + "}", claims(`,"aud":"https://*.wikibot.io"`), fault.Unauthenticated},
		{"two algorithms", header + `,"alg":"none"}`, claims(""), fault.Unauthenticated},
		{"two kids", header + `,"kid":"b"}`, claims(""), fault.Unauthenticated},
		{"two payloads", header + "}", claims("") + claims(""), fault.Unauthenticated},
		{"a list", header + "}", "[" + claims("") + "]", fault.Unauthenticated},
	} {
		_, err := v.Verify(t.Context(), signRaw(t, newKey("a"), c.header, c.payload), "https://wikibot.io")
		if fault.KindOf(err) != c.want {
			t.Errorf("%s: %v, want kind %q", c.why, err, c.want)
		}
	}
}

// TestConnections: the records say whether an agent is connected still, on each
// call.
func TestConnections(t *testing.T) {
	for _, c := range []struct {
		why    string
		change func(*records.Connection)
		want   records.Role // "" for a refusal
	}{
		{"as it was made", func(*records.Connection) {}, records.Editor},
		{"made a reader since", func(c *records.Connection) { c.Role = records.Viewer }, records.Viewer},
		{"expired", func(c *records.Connection) { c.ExpiresAt = time.Now() }, ""},
		{"of another client", func(c *records.Connection) { c.ClientID = "other" }, ""},
		{"for another resource", func(c *records.Connection) { c.Resource = "https://bob.wikibot.io/mcp" }, ""},
		{"a record under the wrong user", func(c *records.Connection) { c.UserID = id("eve") }, ""},
	} {
		d := newDoor(t)
		key := ada.ID + "/c1"
		connection := d.accounts.connections[key]
		c.change(&connection)
		d.accounts.connections[key] = connection
		p, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+d.issueAccess(t, d.access)))
		if p.MaxRole != c.want || (err == nil) != (c.want != "") || err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: role %q, %v, want %q", c.why, p.MaxRole, err, c.want)
		}
	}
}

// TestForeignTokens: which tokens of a trusted issuer open the wiki ada, and for
// what.
func TestForeignTokens(t *testing.T) {
	d := newDoor(t)
	raw, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curve := withKid(raw, "e")
	d.foreign.private = append(d.foreign.private, curve, withKid(other, "e384"))
	d.foreign.extra = []jwk.Key{withKid([]byte("a secret that is published"), "hmac")}
	typ := func(typ string) string {
		return forge(t, jwa.RS256, newKey("f"), map[string]any{"kid": "f", "typ": typ}, vouched(nil))
	}
	says := func(name string, value any) string { return d.vouch(t, map[string]any{name: value}) }
	for _, c := range []struct {
		why, token string
		want       records.Role // "" for a refusal
	}{
		{"without a type", d.vouch(t, nil), records.Viewer},
		{"type JWT", typ("JWT"), records.Viewer},
		{"type at+jwt", typ("at+jwt"), records.Viewer},
		{"the type in full", typ("application/at+jwt"), records.Viewer},
		{"another type", typ("logout+jwt"), ""},
		{"ES256", forge(t, jwa.ES256, curve, map[string]any{"kid": "e"}, vouched(nil)), records.Viewer},
		{"our scopes count if there are any", says("scope", "openid wiki:write"), records.Editor},
		{"the reading one", says("scope", "wiki:read"), records.Viewer},
		{"others mean nothing", says("scope", "admin"), records.Viewer},

		{"ID token: nonce", says("nonce", "n"), ""},
		{"ID token: at_hash", says("at_hash", "n"), ""},
		{"ID token: for the client", says("aud", "elsewhere"), ""},
		{"ID token: also for the wiki", says("aud", []string{"https://ada.wikibot.io/mcp", "elsewhere"}), ""},
		{"a client that is named like the wiki", says("client_id", "https://ada.wikibot.io/mcp"), ""},
		{"token of wiki A on wiki B", says("aud", "https://bob.wikibot.io/mcp"), ""},
		{"for the root host", says("aud", "https://wikibot.io"), ""},
		{"for nobody", says("aud", nil), ""},
		{"expired", says("exp", time.Now().Unix()-1), ""},
		{"never expires", says("exp", nil), ""},
		{"without a time", says("iat", nil), ""},
		{"a user that has no account", says("sub", "bob@login"), ""},
		{"no user", says("sub", nil), ""},
		{"mix-up: our issuer, their key", says("iss", "https://wikibot.io"), ""},
		{"mix-up: an issuer nobody trusts", says("iss", "https://evil.example"), ""},
		{"mix-up: an issuer spelled otherwise", says("iss", trusted+"/"), ""},
		{"mix-up: their issuer, our key", forge(t, jwa.RS256, newKey("a"), map[string]any{"kid": "a"}, vouched(nil)), ""},
		{"mix-up: their issuer, our key under their kid", forge(t, jwa.RS256, withKid(rawOf(t, newKey("a")), "f"), map[string]any{"kid": "f"}, vouched(nil)), ""},
		{"alg none", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"f"}`)) + "." + strings.Split(d.vouch(t, nil), ".")[1] + ".", ""},
		{"HS256 signed with the public key", forge(t, jwa.HS256, publicPEM(t, newKey("f")), map[string]any{"kid": "f"}, vouched(nil)), ""},
		{"HS256 with a symmetric key of the set", forge(t, jwa.HS256, []byte("a secret that is published"), map[string]any{"kid": "hmac"}, vouched(nil)), ""},
		{"ES384, which is not asked for", forge(t, jwa.ES384, withKid(other, "e384"), map[string]any{"kid": "e384"}, vouched(nil)), ""},
		{"ES256 under the kid of an RSA key", forge(t, jwa.ES256, withKid(raw, "f"), map[string]any{"kid": "f"}, vouched(nil)), ""},
	} {
		p, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+c.token))
		if p.MaxRole != c.want || (err == nil) != (c.want != "") || err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: role %q, %v, want %q", c.why, p.MaxRole, err, c.want)
		}
	}
	for name, who := range map[string]func() (identity.Principal, error){
		"root": func() (identity.Principal, error) {
			return d.auth.OnRoot(request(t, "Authorization", "Bearer "+d.vouch(t, nil)))
		},
		"wiki": func() (identity.Principal, error) {
			return d.auth.OnWiki(request(t, "Authorization", "Bearer "+d.vouch(t, nil)))
		},
		"git": func() (identity.Principal, error) {
			return d.auth.OnGit(request(t, "Authorization", "Bearer "+d.vouch(t, nil)))
		},
	} {
		if p, err := who(); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("at the door %s: %v, %v", name, p, err)
		}
	}
}

// TestForeignTokenOfAMissingWiki: to tell is the gate's business, for all alike.
func TestForeignTokenOfAMissingWiki(t *testing.T) {
	d := newDoor(t)
	r := request(t, "Authorization", "Bearer "+d.vouch(t, map[string]any{"aud": "https://nobody.wikibot.io/mcp"}))
	r.Host = "nobody.wikibot.io"
	p, err := d.auth.OnMCP(r)
	if err != nil || p.WikiID != "" || p.UserID != ada.ID {
		t.Errorf("got %v, %v", p, err)
	}
}

// TestUnknownKidFloodOfAccessTokens: a stranger with made-up kids makes us ask for
// keys once per pause: for ours and, by themselves, for each trusted issuer's.
func TestUnknownKidFloodOfAccessTokens(t *testing.T) {
	newKey("a")
	newKey("f")
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		raw := rawOf(t, newKey("evil"))
		flood := func(claims map[string]any) {
			for i := range 50 {
				kid := fmt.Sprint("made-up ", i)
				token := forge(t, jwa.RS256, withKid(raw, kid), map[string]any{"kid": kid, "typ": "at+jwt"}, claims)
				if _, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+token)); !fault.Is(err, fault.Unauthenticated) {
					t.Fatalf("got %v, want unauthenticated", err)
				}
			}
		}
		for round := 1; round <= 3; round++ {
			flood(vouched(nil))
			flood(vouched(map[string]any{"iss": "https://wikibot.io"}))
			flood(vouched(map[string]any{"iss": "https://evil.example"}))
			if d.foreign.asked != round || d.keys.asked != round {
				t.Errorf("round %d: asked the issuer %d times, and for our own keys %d times", round, d.foreign.asked, d.keys.asked)
			}
			time.Sleep(11 * time.Second)
		}
	})
}

// TestForeignKeysDown: an issuer that cannot be reached is "try again", and
// nobody else's tokens suffer.
func TestForeignKeysDown(t *testing.T) {
	d := newDoor(t)
	d.foreign.down = errors.New("no route to host")
	if _, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+d.vouch(t, nil))); !fault.Is(err, fault.Unavailable) {
		t.Errorf("its token: %v, want unavailable", err)
	}
	if _, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+d.issueAccess(t, d.access))); err != nil {
		t.Errorf("ours: %v", err)
	}
}

func TestScopes(t *testing.T) {
	for _, c := range []struct {
		role records.Role
		want string
	}{{records.Owner, "wiki:read wiki:write"}, {records.Editor, "wiki:read wiki:write"}, {records.Viewer, "wiki:read"}} {
		if got := identity.Scopes(c.role); got != c.want {
			t.Errorf("%s: %q, want %q", c.role, got, c.want)
		}
	}
	if identity.Scopes(records.Editor) != web.AgentScope {
		t.Errorf("agents are told to ask for %q", web.AgentScope)
	}
	for scope, want := range map[string]records.Role{
		"wiki:read": records.Viewer, "wiki:write": records.Editor, "wiki:read wiki:write": records.Editor, "wiki:write wiki:read": records.Editor,
		"openid  wiki:read": records.Viewer, "": "", "wiki": "", "wiki:readx": "", "wiki:read,wiki:write": "", "WIKI:WRITE": "", "account": "",
	} {
		if got, ok := identity.RoleOfScope(scope); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", scope, got, ok, want)
		}
	}
}
