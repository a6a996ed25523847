package identity_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// accounts holds users and their proofs, and notes the uses.
type accounts struct {
	users       map[string]records.User
	identities  map[records.Identity]string // user ids
	tokens      map[string]records.Token
	sessions    map[string]records.Session    // by user/id
	connections map[string]records.Connection // likewise
	wikis       map[string]string             // ids by slug
	touches     []string                      // client names, "session", "connection"
	reads       int
	down        error
}

func find[V any](a *accounts, m map[string]V, key string) (V, error) {
	a.reads++
	v, ok := m[key]
	if a.down != nil {
		return v, a.down
	}
	if !ok {
		return v, fault.New(fault.NotFound, "find %q: there is none", key)
	}
	return v, nil
}

func (a *accounts) User(_ context.Context, id string) (records.User, error) {
	return find(a, a.users, id)
}

func (a *accounts) UserByIdentity(ctx context.Context, id records.Identity) (records.User, error) {
	return a.User(ctx, a.identities[id])
}

func (a *accounts) TokenByHash(_ context.Context, hash string) (records.Token, error) {
	return find(a, a.tokens, hash)
}

func (a *accounts) WikiID(_ context.Context, slug string) (string, error) {
	return find(a, a.wikis, slug)
}

func (a *accounts) Session(_ context.Context, userID, id string) (records.Session, error) {
	return find(a, a.sessions, userID+"/"+id)
}

func (a *accounts) Connection(_ context.Context, userID, id string) (records.Connection, error) {
	return find(a, a.connections, userID+"/"+id)
}

// The uses are noted, and the error must not matter.
var errFull = errors.New("the disk is full")

func (a *accounts) TouchToken(_ context.Context, _ string, _ time.Time, agent string) error {
	a.touches = append(a.touches, agent)
	return errFull
}

func (a *accounts) TouchSession(context.Context, string, string, time.Time) error {
	a.touches = append(a.touches, "session")
	return errFull
}

func (a *accounts) TouchConnection(context.Context, string, string, time.Time) error {
	a.touches = append(a.touches, "connection")
	return errFull
}

// door is an authenticator over one user with one proof of each kind.
type door struct {
	auth     *identity.Authenticator
	accounts *accounts
	keys     *keys
	foreign  *keys // of the issuer that is trusted
	sessions identity.SessionTokens
	token    string
	personal string // of "wikibot login"
	browser  string // what renews a browser's session
	access   identity.Access
}

const trusted = "https://login.example"

func newDoor(t *testing.T) *door {
	t.Helper()
	now := time.Now()
	k := &keys{private: []jwk.Key{newKey("a")}}
	secret, hash := identity.NewWikiToken()
	cli := identity.NewCredential(ada.ID, id("cm"))
	browser := identity.NewCredential(ada.ID, id("br"))
	d := &door{
		keys: k, foreign: &keys{private: []jwk.Key{newKey("f")}},
		token: secret, personal: cli.String(identity.PersonalPrefix), browser: browser.String(identity.PersonalPrefix),
		sessions: issue(t, k, now.Add(24*time.Hour)),
		access:   identity.Access{UserID: ada.ID, ClientID: "client", ConnectionID: "c1", Scope: "wiki:read wiki:write", Resource: "https://ada.wikibot.io/mcp"},
		accounts: &accounts{
			users:      map[string]records.User{ada.ID: ada},
			identities: map[records.Identity]string{{Provider: trusted, Subject: "ada@login"}: ada.ID},
			tokens: map[string]records.Token{hash: {
				ID: "t1", Hash: hash, WikiID: "w", UserID: ada.ID, Role: records.Editor, ExpiresAt: now.Add(time.Hour),
			}},
			sessions: map[string]records.Session{
				ada.ID + "/" + cli.ID:     {ID: cli.ID, UserID: ada.ID, Kind: records.CommandLine, SecretHash: cli.Hash(), ExpiresAt: now.Add(time.Hour)},
				ada.ID + "/" + browser.ID: {ID: browser.ID, UserID: ada.ID, Kind: records.Browser, SecretHash: browser.Hash(), ExpiresAt: now.Add(time.Hour)},
			},
			connections: map[string]records.Connection{ada.ID + "/c1": {
				ID: "c1", UserID: ada.ID, WikiID: "w", ClientID: "client", ClientName: "claude-code/2.0",
				Resource: "https://ada.wikibot.io/mcp", Role: records.Editor, ExpiresAt: now.Add(time.Hour),
			}},
			wikis: map[string]string{"ada": "w", "bob": "x"},
		},
	}
	auth, err := identity.NewAuthenticator(identity.AuthenticatorDeps{
		Hosts: newHosts(t), Keys: k, Accounts: d.accounts, Log: slog.New(slog.DiscardHandler),
		Trusted: []identity.TrustedIssuer{{Issuer: trusted, Role: records.Viewer, Keys: d.foreign}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.auth = auth
	return d
}

// issueAccess signs an access token.
func (d *door) issueAccess(t *testing.T, a identity.Access) string {
	t.Helper()
	token, err := identity.NewSigner(d.keys, newHosts(t)).IssueAccess(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func request(t *testing.T, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Host = "ada.wikibot.io"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// TestProofs says which proof opens which door. "-" is anonymous, "401" a
// refusal.
func TestProofs(t *testing.T) {
	d := newDoor(t)
	root, wiki, token := d.sessions.Root, d.sessions.Wikis, d.token
	bearer, access := "Bearer "+token, d.issueAccess(t, d.access)
	stranger, _ := identity.NewWikiToken()
	other := identity.NewCredential(ada.ID, id("cm")).String(identity.PersonalPrefix)
	for _, c := range []struct {
		why                   string
		headers               []string
		root, wiki, mcp, gits string
	}{
		{"nothing", nil, "-", "-", "-", "-"},
		{"root cookie", []string{"Cookie", "__Host-wikibot=" + root}, "session", "-", "-", "-"},
		{"wiki cookie", []string{"Cookie", "wikibot=" + wiki}, "-", "session", "-", "-"},
		{"audience: the wiki session under the root cookie's name", []string{"Cookie", "__Host-wikibot=" + wiki}, "-", "-", "-", "-"},
		{"audience: the root session under the wiki cookie's name", []string{"Cookie", "wikibot=" + root}, "-", "-", "-", "-"},
		{"hint cookie proves nothing", []string{"Cookie", "logged_in=1"}, "-", "-", "-", "-"},
		{"broken cookies are nobody", []string{"Cookie", "wikibot=x; __Host-wikibot=x.y.z"}, "-", "-", "-", "-"},
		{"cookie tossing: a planted wiki cookie before the real one", []string{"Cookie", "wikibot=planted; wikibot=" + wiki}, "-", "session", "-", "-"},
		{"cookie tossing: the root host does not look at the parent domain", []string{"Cookie", "wikibot=" + root + "; wikibot=" + wiki}, "-", "session", "-", "-"},
		{"cookie tossing: two root cookies are nobody", []string{"Cookie", "__Host-wikibot=" + root + "; __Host-wikibot=planted"}, "-", "-", "-", "-"},
		{"cookie tossing: more than we look at", []string{"Cookie", strings.Repeat("wikibot=planted; ", 4) + "wikibot=" + wiki}, "-", "-", "-", "-"},
		{"cookie name in another case", []string{"Cookie", "__host-wikibot=" + root + "; Wikibot=" + wiki}, "-", "-", "-", "-"},

		{"bearer", []string{"Authorization", bearer}, "401", "token", "token", "token"},
		{"bearer in any case", []string{"Authorization", "bEARER  " + token}, "401", "token", "token", "token"},
		{"bearer wins over a cookie", []string{"Authorization", bearer, "Cookie", "wikibot=" + wiki}, "401", "token", "token", "token"},
		{"a bad bearer is not made good by a cookie", []string{"Authorization", "Bearer " + stranger, "Cookie", "wikibot=" + wiki + "; __Host-wikibot=" + root}, "401", "401", "401", "401"},
		{"unknown token", []string{"Authorization", "Bearer " + stranger}, "401", "401", "401", "401"},
		{"empty bearer", []string{"Authorization", "Bearer "}, "401", "401", "401", "401"},
		{"empty header", []string{"Authorization", ""}, "401", "401", "401", "401"},
		{"session as bearer", []string{"Authorization", "Bearer " + wiki}, "401", "401", "401", "401"},
		{"the root session as bearer", []string{"Authorization", "Bearer " + root}, "401", "401", "401", "401"},
		{"token's hash as bearer", []string{"Authorization", "Bearer " + identity.HashToken(token)}, "401", "401", "401", "401"},
		{"token without its prefix", []string{"Authorization", "Bearer " + token[4:]}, "401", "401", "401", "401"},
		{"token with a tail", []string{"Authorization", bearer + " x"}, "401", "401", "401", "401"},
		{"two authorization headers", []string{"Authorization", bearer, "Authorization", bearer}, "401", "401", "401", "401"},
		{"unknown scheme", []string{"Authorization", "Digest x"}, "401", "401", "401", "401"},
		{"token as a cookie", []string{"Cookie", "wikibot=" + token}, "-", "-", "-", "-"},

		{"basic is for git alone", []string{"Authorization", basic("git", token)}, "401", "401", "401", "token"},
		{"basic without a user", []string{"Authorization", basic("", token)}, "401", "401", "401", "token"},
		{"basic with the token as user", []string{"Authorization", basic(token, "")}, "401", "401", "401", "401"},
		{"basic, wrong password", []string{"Authorization", basic("ada", "secret")}, "401", "401", "401", "401"},
		{"basic, not base64", []string{"Authorization", "Basic !"}, "401", "401", "401", "401"},

		{"personal token", []string{"Authorization", "Bearer " + d.personal}, "cli", "cli", "cli", "cli"},
		{"personal token as git's password", []string{"Authorization", basic("ada", d.personal)}, "401", "401", "401", "cli"},
		{"personal token beats cookies", []string{"Authorization", "Bearer " + d.personal, "Cookie", "wikibot=" + wiki + "; __Host-wikibot=" + root}, "cli", "cli", "cli", "cli"},
		{"personal token with another secret", []string{"Authorization", "Bearer " + other}, "401", "401", "401", "401"},
		{"personal token in capitals", []string{"Authorization", "Bearer " + strings.ToUpper(d.personal)}, "401", "401", "401", "401"},
		{"what renews a browser's session, as a personal token", []string{"Authorization", "Bearer " + d.browser}, "401", "401", "401", "401"},
		{"personal token as a cookie", []string{"Cookie", "wikibot=" + d.personal + "; __Host-wikibot=" + d.personal}, "-", "-", "-", "-"},

		{"access token is for agents alone", []string{"Authorization", "Bearer " + access}, "401", "401", "agent", "401"},
		{"access token as a cookie", []string{"Cookie", "wikibot=" + access + "; __Host-wikibot=" + access}, "-", "-", "-", "-"},
		{"access token as git's password", []string{"Authorization", basic("ada", access)}, "401", "401", "401", "401"},
	} {
		for _, door := range []struct {
			name string
			who  func(*http.Request) (identity.Principal, error)
			want string
		}{{"root", d.auth.OnRoot, c.root}, {"wiki", d.auth.OnWiki, c.wiki}, {"mcp", d.auth.OnMCP, c.mcp}, {"git", d.auth.OnGit, c.gits}} {
			p, err := door.who(request(t, c.headers...))
			got := string(p.Kind)
			switch {
			case fault.Is(err, fault.Unauthenticated):
				got = "401"
			case err != nil:
				got = err.Error()
			case p.Kind == identity.Anonymous:
				got = "-"
			}
			if got != door.want {
				t.Errorf("%s, %s: got %s, want %s", c.why, door.name, got, door.want)
			}
		}
	}
}

// TestPrincipal: what is known of each kind.
func TestPrincipal(t *testing.T) {
	d := newDoor(t)
	reading := d.access
	reading.Scope = "wiki:read"
	base := identity.Principal{UserID: ada.ID, Username: "ada", Email: "ada@example.org", DisplayName: "Ada"}
	for _, c := range []struct {
		why     string
		who     func(*http.Request) (identity.Principal, error)
		headers []string
		want    func(*identity.Principal)
	}{
		{"wiki token", d.auth.OnWiki, []string{"Authorization", "Bearer " + d.token}, func(p *identity.Principal) {
			p.Kind, p.WikiID, p.MaxRole, p.TokenID = identity.WikiToken, "w", records.Editor, "t1"
		}},
		{"session", d.auth.OnRoot, []string{"Cookie", "__Host-wikibot=" + d.sessions.Root}, func(p *identity.Principal) {
			p.Kind, p.SessionID = identity.Session, "s1"
		}},
		{"personal token", d.auth.OnWiki, []string{"Authorization", "Bearer " + d.personal}, func(p *identity.Principal) {
			p.Kind, p.SessionID = identity.CommandLine, id("cm")
		}},
		{"agent", d.auth.OnMCP, []string{"Authorization", "Bearer " + d.issueAccess(t, d.access)}, func(p *identity.Principal) {
			p.Kind, p.WikiID, p.MaxRole, p.ConnectionID, p.Client = identity.ConnectedAgent, "w", records.Editor, "c1", "Claude Code"
		}},
		{"agent whose token reads only", d.auth.OnMCP, []string{"Authorization", "Bearer " + d.issueAccess(t, reading)}, func(p *identity.Principal) {
			p.Kind, p.WikiID, p.MaxRole, p.ConnectionID, p.Client = identity.ConnectedAgent, "w", records.Viewer, "c1", "Claude Code"
		}},
		{"agent that somebody else vouches for", d.auth.OnMCP, []string{"Authorization", "Bearer " + d.vouch(t, nil)}, func(p *identity.Principal) {
			p.Kind, p.WikiID, p.MaxRole = identity.ConnectedAgent, "w", records.Viewer
		}},
	} {
		got, err := c.who(request(t, c.headers...))
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		want := base
		c.want(&want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
}

// TestDeletedUser: neither cookie nor token outlives the user.
func TestDeletedUser(t *testing.T) {
	d := newDoor(t)
	delete(d.accounts.users, ada.ID)
	if p, err := d.auth.OnRoot(request(t, "Cookie", "__Host-wikibot="+d.sessions.Root)); err != nil || p.Kind != identity.Anonymous {
		t.Errorf("root cookie: %v, %v, want anonymous", p, err)
	}
	if p, err := d.auth.OnWiki(request(t, "Cookie", "wikibot="+d.sessions.Wikis)); err != nil || p.Kind != identity.Anonymous {
		t.Errorf("wiki cookie: %v, %v, want anonymous", p, err)
	}
	for why, bearer := range map[string]string{
		"wiki token": d.token, "personal token": d.personal, "access token": d.issueAccess(t, d.access), "another issuer's token": d.vouch(t, nil),
	} {
		if p, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+bearer)); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v, %v, want unauthenticated", why, p, err)
		}
	}
}

// TestEndedSession: what was signed for a session dies with it, at once.
func TestEndedSession(t *testing.T) {
	for _, c := range []struct {
		why    string
		change func(*records.User)
		want   identity.Kind
	}{
		{"another session was ended", func(u *records.User) { u.Ended = map[string]time.Time{"s2": time.Now()} }, identity.Session},
		{"this one was", func(u *records.User) { u.Ended = map[string]time.Time{"s1": time.Now().Add(time.Hour)} }, identity.Anonymous},
		{"all were, before", func(u *records.User) { u.SignedOut = time.Now().Add(-time.Minute) }, identity.Session},
		{"all were, since", func(u *records.User) { u.SignedOut = time.Now().Add(time.Minute) }, identity.Anonymous},
	} {
		d := newDoor(t)
		u := ada
		c.change(&u)
		d.accounts.users[ada.ID] = u
		onRoot, err1 := d.auth.OnRoot(request(t, "Cookie", "__Host-wikibot="+d.sessions.Root))
		onWiki, err2 := d.auth.OnWiki(request(t, "Cookie", "wikibot="+d.sessions.Wikis))
		if err1 != nil || err2 != nil || onRoot.Kind != c.want || onWiki.Kind != c.want {
			t.Errorf("%s: %s (%v) and %s (%v), want %s", c.why, onRoot.Kind, err1, onWiki.Kind, err2, c.want)
		}
	}
}

// TestSignedOutCountsInSeconds: claims do, so what was signed in that very second
// is void, and what is signed a second later is not.
func TestSignedOutCountsInSeconds(t *testing.T) {
	newKey("a")
	newKey("f")
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(900 * time.Millisecond)
		d := newDoor(t)
		u := ada
		u.SignedOut = time.Now().Add(50 * time.Millisecond)
		d.accounts.users[ada.ID] = u
		if p, err := d.auth.OnRoot(request(t, "Cookie", "__Host-wikibot="+d.sessions.Root)); err != nil || p.Kind != identity.Anonymous {
			t.Errorf("signed before: %v, %v", p.Kind, err)
		}
		time.Sleep(time.Second)
		again := issue(t, d.keys, time.Now().Add(time.Hour))
		if p, err := d.auth.OnRoot(request(t, "Cookie", "__Host-wikibot="+again.Root)); err != nil || p.Kind != identity.Session {
			t.Errorf("signed after: %v, %v", p.Kind, err)
		}
	})
}

// TestExpired: to the moment, whatever it is.
func TestExpired(t *testing.T) {
	newKey("a")
	newKey("f")
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		expiring := d.access
		expiring.ExpiresAt = time.Now().Add(time.Hour)
		proofs := map[string]string{
			"wiki token": d.token, "personal token": d.personal, "access token": d.issueAccess(t, expiring),
			"access token whose connection expires": d.issueAccess(t, d.access),
			"another issuer's token":                d.vouch(t, nil),
		}
		time.Sleep(time.Hour - 1)
		for why, proof := range proofs {
			if _, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+proof)); err != nil {
				t.Errorf("%s: %v", why, err)
			}
		}
		time.Sleep(time.Nanosecond)
		for why, proof := range proofs {
			if _, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+proof)); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s: got %v, want unauthenticated", why, err)
			}
		}
	})
}

// TestRecordsDown: a failure of ours signs nobody out and lets nobody in.
func TestRecordsDown(t *testing.T) {
	d := newDoor(t)
	d.accounts.down = fault.New(fault.Unavailable, "read user: try again")
	if _, err := d.auth.OnWiki(request(t, "Cookie", "wikibot="+d.sessions.Wikis)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("cookie: got %v, want unavailable", err)
	}
	for _, bearer := range []string{d.token, d.personal, d.issueAccess(t, d.access), d.vouch(t, nil)} {
		if _, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+bearer)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%.8s…: got %v, want unavailable", bearer, err)
		}
	}
}

// TestTokenUseIsNoted: once a minute for each client.
func TestTokenUseIsNoted(t *testing.T) {
	newKey("a")
	newKey("f")
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		use := func(agent string) {
			t.Helper()
			if _, err := d.auth.OnGit(request(t, "Authorization", basic("x", d.token), "User-Agent", agent)); err != nil {
				t.Fatal(err)
			}
		}
		use("git/2.39.5")
		use("git/2.39.5")
		use("claude-code/2.1.3 (cli)")
		time.Sleep(time.Minute)
		use("git/2.39.5")
		access := d.issueAccess(t, d.access)
		for _, bearer := range []string{d.personal, d.personal, access, access} {
			if _, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+bearer)); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{"git", "Claude Code", "git", "session", "connection"}, d.accounts.touches); diff != "" {
			t.Errorf("uses noted (-want +got):\n%s", diff)
		}
	})
}

// TestNothingToLookUp: what cannot be a token costs no read of the records.
func TestNothingToLookUp(t *testing.T) {
	d := newDoor(t)
	for _, secret := range []string{
		"", "x", "wbt_", "wbt_" + strings.Repeat("x", 1<<20), "wbp_", "wbp_" + strings.Repeat("x", 95), "wbr_" + d.personal[4:], "a.b.c",
		strings.Repeat("x", 1<<20) + ".e30.x",
	} {
		if _, err := d.auth.OnMCP(request(t, "Authorization", "Bearer "+secret)); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("got %v, want unauthenticated", err)
		}
	}
	if d.accounts.reads != 0 {
		t.Errorf("%d reads, want none", d.accounts.reads)
	}
}

func TestNewAuthenticatorNeedsAll(t *testing.T) {
	k := &keys{private: []jwk.Key{newKey("a")}}
	for why, trusted := range map[string][]identity.TrustedIssuer{
		"an issuer without keys":          {{Issuer: trusted}},
		"an issuer without a name":        {{Keys: k}},
		"an issuer that makes owners":     {{Issuer: trusted, Role: records.Owner, Keys: k}},
		"an issuer that is listed twice":  {{Issuer: trusted, Keys: k}, {Issuer: trusted, Keys: k}},
		"our own issuer as a foreign one": {{Issuer: "https://wikibot.io", Keys: k}},
	} {
		_, err := identity.NewAuthenticator(identity.AuthenticatorDeps{
			Hosts: newHosts(t), Keys: k, Accounts: &accounts{}, Log: slog.New(slog.DiscardHandler), Trusted: trusted,
		})
		if err == nil {
			t.Errorf("made an authenticator with %s", why)
		}
	}
	if _, err := identity.NewAuthenticator(identity.AuthenticatorDeps{Hosts: newHosts(t)}); err == nil {
		t.Error("made an authenticator of nothing")
	}
}
