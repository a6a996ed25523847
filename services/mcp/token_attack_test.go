package mcp_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/wiki/wikitest"
)

const tokenOf = "Bearer "

// refuses holds a bearer to the answer that makes a client get another one, at a
// private and at a public wiki alike: an agent whose token has run out must hear
// of it, not lose its tools one by one.
func (d *door) refuses(t *testing.T, why string, header ...string) {
	t.Helper()
	for _, body := range []string{initialize, rpc("tools/call", args{"name": "read_note", "arguments": args{"path": "Home"}})} {
		res, answer := d.post(t, "POST", "/mcp", body, header...)
		wantUnauthorised(t, why, res, answer)
		if !strings.Contains(res.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: challenge %q does not say that the token is no good", why, res.Header.Get("WWW-Authenticate"))
		}
	}
}

// forged is a token with the claims of a good one under another header, signed
// by sign.
func forged(good, header string, sign func(input []byte) []byte) string {
	claims := strings.Split(good, ".")[1]
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + claims
	return input + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(input)))
}

// headerOf returns a good token's header with other members.
func headerOf(t *testing.T, good string, change map[string]any) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(good, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var h map[string]any
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	for name, value := range change {
		if h[name] = value; value == nil {
			delete(h, name)
		}
	}
	out, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestForgedAccessTokens: the algorithm is ours to say (RFC 8725 section 3.1),
// and so is the key.
func TestForgedAccessTokens(t *testing.T) {
	d := newDoor(t)
	good := strings.TrimPrefix(d.access(t, d.connected(t, d.person(t, "eve", records.Editor), records.Editor))[1], tokenOf)
	if res, body := d.post(t, "POST", "/mcp", initialize, bearer(good)...); res.StatusCode != 200 {
		t.Fatalf("the good one: %d %s", res.StatusCode, body)
	}
	set, err := d.Keys.PublicKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, _ := set.Key(0)
	var public rsa.PublicKey
	if err := key.Raw(&public); err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&public)
	if err != nil {
		t.Fatal(err)
	}
	asJWK, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	mac := func(secret []byte) func([]byte) []byte {
		return func(input []byte) []byte {
			h := hmac.New(sha256.New, secret)
			h.Write(input)
			return h.Sum(nil)
		}
	}
	nothing := func([]byte) []byte { return nil }
	for why, token := range map[string]string{
		"alg none":                    forged(good, headerOf(t, good, map[string]any{"alg": "none"}), nothing),
		"alg None":                    forged(good, headerOf(t, good, map[string]any{"alg": "None"}), nothing),
		"no alg":                      forged(good, headerOf(t, good, map[string]any{"alg": nil}), nothing),
		"RS256 without a signature":   forged(good, headerOf(t, good, nil), nothing),
		"HS256 with the key in DER":   forged(good, headerOf(t, good, map[string]any{"alg": "HS256"}), mac(der)),
		"HS256 with the key in PEM":   forged(good, headerOf(t, good, map[string]any{"alg": "HS256"}), mac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))),
		"HS256 with the key as JWK":   forged(good, headerOf(t, good, map[string]any{"alg": "HS256"}), mac(asJWK)),
		"HS256 with the modulus":      forged(good, headerOf(t, good, map[string]any{"alg": "HS256"}), mac(public.N.Bytes())),
		"another claim":               replaced(t, good, `"wiki:read wiki:write"`, `"wiki:read wiki:write "`),
		"a signature that is cut off": good[:len(good)-4],
		"more behind it":              good + ".x",
		"signed with a key of theirs": ownKey(t, good),
	} {
		d.refuses(t, why, bearer(token)...)
	}
}

// replaced changes the claims of a token and keeps its signature.
func replaced(t *testing.T, good, old, with string) string {
	t.Helper()
	parts := strings.Split(good, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || !strings.Contains(string(claims), old) {
		t.Fatalf("%v in %s", err, claims)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), old, with, 1)))
	return strings.Join(parts, ".")
}

// ownKey signs the claims of a token with a fresh key under the kid of ours.
func ownKey(t *testing.T, good string) string {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jws.NewSigner(jwa.RS256)
	if err != nil {
		t.Fatal(err)
	}
	return forged(good, headerOf(t, good, nil), func(input []byte) []byte {
		signature, err := signer.Sign(input, private)
		if err != nil {
			t.Fatal(err)
		}
		return signature
	})
}

// TestTokenOfAnotherWiki: what a person allowed for one wiki opens no other, not
// even one that is theirs as well (RFC 8707 section 2).
func TestTokenOfAnotherWiki(t *testing.T) {
	d := newDoor(t)
	eve := d.person(t, "eve", records.Editor)
	other := d.Wiki(t, "other")
	if err := d.Records.PutGrant(t.Context(), records.Grant{WikiID: other.ID, UserID: eve.ID, Role: records.Editor, GrantedBy: d.Owner.ID}, 0, &events.Actor{UserId: d.Owner.ID}); err != nil {
		t.Fatal(err)
	}
	c := d.connected(t, eve, records.Editor)
	for _, public := range []bool{false, true} {
		if public {
			d.Publish(t, other)
		}
		for why, auth := range map[string][]string{
			"a token for docs": d.access(t, c),
			"a token for other of the connection with docs": d.access(t, c, func(a *identity.Access) { a.Resource = d.Hosts.Wiki("other", "/mcp") }),
			"a token for both":     d.access(t, c, func(a *identity.Access) { a.Resource = d.Hosts.Wiki("*", "/mcp") }),
			"a token for the root": d.access(t, c, func(a *identity.Access) { a.Resource = d.Hosts.Root("") }),
		} {
			res, body := d.postTo(t, "other", "POST", "/mcp", initialize, auth...)
			if challenge := res.Header.Get("WWW-Authenticate"); res.StatusCode != 401 || !strings.Contains(challenge, `error="invalid_token"`) || !strings.Contains(challenge, "//other.wikibot.localhost/.well-known/oauth-protected-resource") {
				t.Errorf("%s, public %v: %d, challenge %q: %s", why, public, res.StatusCode, challenge, body)
			}
		}
	}
	for why, resource := range map[string]string{
		"the host alone": d.Hosts.Wiki("docs", ""), "with a slash": d.Hosts.Wiki("docs", "/mcp/"), "in capitals": "http://DOCS.wikibot.localhost/mcp",
		"of another scheme": "https://docs.wikibot.localhost/mcp", "of the sessions": identity.WikiAudience(d.Hosts),
	} {
		d.refuses(t, "a token for "+resource+": "+why, d.access(t, c, func(a *identity.Access) { a.Resource = resource })...)
	}
}

// TestTokensThatAreOver: nothing outlives what it stands on, by no second.
func TestTokensThatAreOver(t *testing.T) {
	d := newDoor(t)
	for _, public := range []bool{false, true} {
		if public {
			d.Publish(t, d.wiki)
		}
		suffix := map[bool]string{true: "p"}[public]
		eve := d.person(t, "eve"+suffix, records.Editor)
		works := func(auth []string) {
			t.Helper()
			if res, body := d.post(t, "POST", "/mcp", initialize, auth...); res.StatusCode != 200 {
				t.Fatalf("before: %d %s", res.StatusCode, body)
			}
		}
		c := d.connected(t, eve, records.Editor)
		d.refuses(t, "an expired token", d.access(t, c, func(a *identity.Access) { a.ExpiresAt = time.Now().Add(-time.Second) })...)

		auth := d.access(t, c)
		works(auth)
		if err := d.Records.EndConnection(t.Context(), eve.ID, c.ID); err != nil {
			t.Fatal(err)
		}
		d.refuses(t, "a connection that was ended", auth...)

		c = d.connected(t, eve, records.Editor)
		auth = d.access(t, c)
		works(auth)
		if _, err := d.Records.RotateConnection(t.Context(), eve.ID, c.ID, c.RefreshHash, "next", time.Now(), time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		d.refuses(t, "a connection that has run out", auth...)

		d.refuses(t, "a connection of somebody else", d.access(t, c, func(a *identity.Access) { a.UserID = d.Owner.ID })...)
		d.refuses(t, "a connection that never was", d.access(t, c, func(a *identity.Access) { a.ConnectionID = events.NewID(time.Now()) })...)
		d.refuses(t, "a scope of another service", d.access(t, c, func(a *identity.Access) { a.Scope = "account" })...)

		auth = d.access(t, d.connected(t, eve, records.Editor))
		pasted := bearer(d.Token(t, d.wiki, records.Editor, time.Time{}, eve))
		works(auth)
		works(pasted)
		if err := d.Records.DeleteUser(t.Context(), eve.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
		d.refuses(t, "a deleted user's connection", auth...)
		d.refuses(t, "a deleted user's token", pasted...)
	}
}

// TestPersonalTokens: the command line's own token opens what its user may open,
// and nothing once it was ended.
func TestPersonalTokens(t *testing.T) {
	d := newDoor(t)
	login := func(u records.User) (identity.Credential, []string) {
		c := identity.NewCredential(u.ID, events.NewID(time.Now()))
		err := d.Records.CreateSession(t.Context(), records.Session{
			ID: c.ID, UserID: u.ID, Kind: records.CommandLine, Name: "laptop", SecretHash: c.Hash(), CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		return c, bearer(c.String(identity.PersonalPrefix))
	}
	write := rpc("tools/call", args{"name": "write_note", "arguments": args{"path": "By hand", "content": "x"}})
	c, auth := login(d.person(t, "eve", records.Editor))
	if res, body := d.post(t, "POST", "/mcp", write, auth...); res.StatusCode != 200 || !strings.Contains(body, "Created By hand") {
		t.Errorf("of an editor: %d %s", res.StatusCode, body)
	}
	_, reader := login(d.person(t, "vi", records.Viewer))
	if res, body := d.post(t, "POST", "/mcp", write, reader...); res.StatusCode != 200 || !strings.Contains(body, `"kind":"denied"`) {
		t.Errorf("of a viewer: %d %s", res.StatusCode, body)
	}
	_, stranger := login(d.person(t, "stranger", ""))
	if res, body := d.post(t, "POST", "/mcp", initialize, stranger...); res.StatusCode != 404 {
		t.Errorf("of a stranger: %d %s", res.StatusCode, body)
	}
	d.refuses(t, "the refresh token's prefix", bearer(c.String(identity.RefreshPrefix))...)
	d.refuses(t, "the session secret's prefix", bearer(c.String(identity.SessionPrefix))...)
	other := c
	other.Secret = strings.Repeat("A", len(c.Secret))
	d.refuses(t, "another secret", bearer(other.String(identity.PersonalPrefix))...)
	if err := d.Records.EndSession(t.Context(), c.UserID, c.ID, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	d.refuses(t, "after logout", auth...)
}

// TestOtherWaysIn: only the one Authorization header counts. What browsers send by
// themselves does not, and what stands in an address ends up in logs.
func TestOtherWaysIn(t *testing.T) {
	d := newDoor(t)
	access := strings.TrimPrefix(d.access(t, d.connected(t, d.person(t, "eve", records.Editor), records.Editor))[1], tokenOf)
	session, err := d.Signer.Issue(t.Context(), d.Owner, "s1", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+d.token))
	for _, c := range []struct {
		why, path string
		header    []string
	}{
		{"a token in the address", "/mcp?access_token=" + d.token, nil},
		{"an access token in the address", "/mcp?access_token=" + access, nil},
		{"the session of wikis as cookie", "/mcp", []string{"Sec-Fetch-Site", "same-origin", "Cookie", d.Cookie(t, d.Owner)}},
		{"that of the root host", "/mcp", []string{"Sec-Fetch-Site", "same-origin", "Cookie", identity.RootCookie + "=" + session.Root}},
		{"a token as cookie", "/mcp", []string{"Sec-Fetch-Site", "same-origin", "Cookie", identity.WikiCookie + "=" + access}},
		{"the session of wikis as bearer", "/mcp", bearer(session.Wikis)},
		{"that of the root host as bearer", "/mcp", bearer(session.Root)},
		{"a token as password", "/mcp", []string{"Authorization", basic}},
		{"a token without its scheme", "/mcp", []string{"Authorization", d.token}},
		{"an empty bearer", "/mcp", []string{"Authorization", "Bearer "}},
		{"a header of our own making", "/mcp", []string{"X-Api-Key", d.token}},
	} {
		res, body := d.post(t, "POST", c.path, initialize, c.header...)
		wantUnauthorised(t, c.why, res, body)
	}
	form := "access_token=" + d.token
	if res, body := d.post(t, "POST", "/mcp", form, "Content-Type", "application/x-www-form-urlencoded"); res.StatusCode != 401 {
		t.Errorf("a token in a form (RFC 6750 section 2.2): %d %s", res.StatusCode, body)
	}
}

// TestReadersOfAnotherMind: the door looks ahead into the message with one parser
// and the SDK reads it with another. Where they differ, the tool itself refuses.
func TestReadersOfAnotherMind(t *testing.T) {
	d := newDoor(t)
	reader := bearer(d.Token(t, d.wiki, records.Viewer, time.Time{}))
	before := wikitest.Git(t, d.Git.Dir(d.wiki.ID)+"/repo.git", "rev-parse", d.Now(t, d.wiki.ID).Head)
	write := `"arguments":{"path":"X","content":"x"}`
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write_note","name":"read_note",` + write + `}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_note","name":"write_note",` + write + `}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","Method":"ping","params":{"name":"write_note",` + write + `}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write_note","Name":"read_note",` + write + `}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write_note",` + write + `},"params":{"clientInfo":7}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools\/call","params":{"name":"write\u005fnote",` + write + `}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"clientInfo":[],"name":"write_note",` + write + `}}`,
		`[[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write_note",` + write + `}}]]`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write_note",` + write + `}}{"jsonrpc":"2.0"}`,
		"\ufeff" + `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write_note",` + write + `}}`,
	} {
		if res, answer := d.post(t, "POST", "/mcp", body, reader...); strings.Contains(answer, "Created") {
			t.Errorf("written by a reader, %d: %s\n%s", res.StatusCode, answer, body)
		}
	}
	if now := d.Now(t, d.wiki.ID).Head; now+"\n" != before {
		t.Error("the wiki has changed")
	}
}
