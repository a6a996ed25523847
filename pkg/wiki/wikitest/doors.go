package wikitest

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keydir"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// Base is where the fleet of a test is reached.
const Base = "http://wikibot.localhost"

// Doors is a house with what stands between a request and a service: hosts,
// sign-in, tokens and rights, all real.
type Doors struct {
	*House
	Hosts  web.Hosts
	Gate   identity.Gate
	Log    *slog.Logger
	Auth   *identity.Authenticator
	Signer *identity.Signer
	Keys   *keydir.Keys
}

// NewDoors opens a house with doors.
func NewDoors(t *testing.T) *Doors {
	t.Helper()
	h := New(t)
	hosts, err := web.NewHosts(Base)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keydir.Open(filepath.Join(h.Dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	auth, err := identity.NewAuthenticator(identity.AuthenticatorDeps{Hosts: hosts, Keys: keys, Accounts: h.Records, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return &Doors{House: h, Hosts: hosts, Gate: identity.Gate{Records: h.Records}, Log: log, Auth: auth, Keys: keys, Signer: identity.NewSigner(keys, hosts)}
}

// Wrap puts a service of wiki hosts behind the whole stack.
func (d *Doors) Wrap(service http.Handler) http.Handler {
	return web.Stack(d.Log, d.Auth.Wiki(service, d.Hosts.WriteProblem))
}

// Publish makes a wiki readable by everyone.
func (d *Doors) Publish(t *testing.T, w records.Wiki) {
	t.Helper()
	public := true
	if _, err := d.Records.UpdateWiki(t.Context(), w.ID, records.WikiChange{Public: &public}, &events.Actor{UserId: d.Owner.ID}); err != nil {
		t.Fatal(err)
	}
}

// Token makes a token of a wiki with a role. Of its owner, unless a user is
// given.
func (d *Doors) Token(t *testing.T, w records.Wiki, role records.Role, expires time.Time, user ...records.User) string {
	t.Helper()
	maker := d.Owner
	if len(user) > 0 {
		maker = user[0]
	}
	secret, hash := identity.NewWikiToken()
	id := events.NewID(time.Now())
	err := d.Records.CreateToken(t.Context(), records.Token{
		ID: id, Hash: hash, WikiID: w.ID, UserID: maker.ID, Name: "test " + id, Role: role, CreatedAt: time.Now(), ExpiresAt: expires,
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// User makes a user and, if a role is given, grants it in the wiki.
func (d *Doors) User(t *testing.T, name string, w records.Wiki, role records.Role) records.User {
	t.Helper()
	u := records.User{ID: name, Username: name, Email: name + "@example.org", DisplayName: name, Tier: records.Premium, CreatedAt: time.Now()}
	if err := d.Records.CreateUser(t.Context(), u, records.Identity{Provider: "dev", Subject: u.Email}); err != nil {
		t.Fatal(err)
	}
	if role != "" {
		if err := d.Records.PutGrant(t.Context(), records.Grant{WikiID: w.ID, UserID: u.ID, Role: role, GrantedBy: d.Owner.ID}, 0, &events.Actor{UserId: d.Owner.ID}); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// Cookie is the session of a signed-in user as a browser sends it to wikis.
func (d *Doors) Cookie(t *testing.T, u records.User) string {
	t.Helper()
	s, err := d.Signer.Issue(t.Context(), u, "s1", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return identity.WikiCookie + "=" + s.Wikis
}
