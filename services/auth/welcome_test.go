package auth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/account"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/services/auth"
	"wikibot.io/services/auth/provider"
)

const newcomerCookie = "__Host-wikibot-newcomer"

var usernameField = regexp.MustCompile(`<input id="username"[^>]*? value="([^"]*)"`)

func suggested(t *testing.T, page string) string {
	t.Helper()
	m := usernameField.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no field for the username: %s", page)
	}
	return html.UnescapeString(m[1])
}

func (s *site) user(t *testing.T, username, email string, ids ...records.Identity) records.User {
	t.Helper()
	u, err := account.Register(t.Context(), s.records, account.Registration{Username: username, Email: email, Identities: ids})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestFirstSignIn(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	wantRedirect(t, b.arrive(t, p, ada(), "http://x.wikibot.localhost:8080/"), "/auth/welcome")
	if b.username(t) != "" || b.cookie(t, identity.SessionCookie) != "" {
		t.Error("signed in before there is a user")
	}
	page := b.get(t, "/auth/welcome").Body.String()
	if suggested(t, page) != "ada" || !strings.Contains(page, "ada@example.org") {
		t.Errorf("page %s", page)
	}
	wantRedirect(t, b.post(t, "/auth/welcome", "username", "lovelace"), "http://x.wikibot.localhost:8080/")
	u, err := s.records.UserByIdentity(t.Context(), ada().Identities[0])
	if err != nil || u.Username != "lovelace" || u.DisplayName != "Ada Lovelace" || u.Email != "ada@example.org" {
		t.Errorf("made %+v, %v", u, err)
	}
	ids, err := s.records.IdentitiesOfUser(t.Context(), u.ID)
	if err != nil || len(ids) != 2 {
		t.Errorf("identities %v, %v: the one behind the broker is needed to leave it", ids, err)
	}
	if b.username(t) != "lovelace" || b.cookie(t, newcomerCookie) != "" {
		t.Error("not signed in, or still waiting")
	}
}

func TestSuggestionIsFree(t *testing.T) {
	s, p := newRemote(t)
	s.user(t, "ada", "other@example.org")
	s.user(t, "ada-lovelace", "other2@example.org")
	b := s.browser(t)
	b.arrive(t, p, ada(), "/app/")
	if got := suggested(t, b.get(t, "/auth/welcome").Body.String()); got != "ada2" {
		t.Errorf("suggested %q", got)
	}
	nobody := ada()
	nobody.Identities[0].Subject, nobody.Nickname, nobody.Name, nobody.Email = "x", "", "李", "админ@example.org"
	b.arrive(t, p, nobody, "/app/")
	if got := suggested(t, b.get(t, "/auth/welcome").Body.String()); got != "" {
		t.Errorf("suggested %q of nothing", got)
	}
}

func TestWrongUsername(t *testing.T) {
	s, p := newRemote(t)
	s.user(t, "grace", "grace@example.org")
	b := s.browser(t)
	b.arrive(t, p, ada(), "/app/x")
	for _, c := range []struct {
		username string
		status   int
		says     string
	}{
		{"", 422, "Username is missing"},
		{"-A", 422, "Username is too short"},
		{"admin", 422, "Username is reserved"},
		{"grace", 409, "Username is taken"},
		{`"><script>`, 422, "Username may only hold"},
	} {
		rw := b.post(t, "/auth/welcome", "username", c.username)
		if rw.Code != c.status || !strings.Contains(rw.Body.String(), c.says) || suggested(t, rw.Body.String()) != c.username || b.username(t) != "" {
			t.Errorf("%q: %d %s", c.username, rw.Code, rw.Body)
		}
	}
	wantRedirect(t, b.post(t, "/auth/welcome", "username", "ada"), "/app/x") // nothing of that was in the way
}

// TestWelcomePageRunsItsScriptAlone: the policy names the one script by its hash.
func TestWelcomePageRunsItsScriptAlone(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.arrive(t, p, ada(), "/app/")
	rw := b.get(t, "/auth/welcome")
	script := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindStringSubmatch(rw.Body.String())
	if script == nil {
		t.Fatal("no script")
	}
	sum := sha256.Sum256([]byte(script[1]))
	csp := rw.Header().Get("Content-Security-Policy")
	if want := "script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; connect-src 'self'"; !strings.Contains(csp, want) {
		t.Errorf("CSP %q lacks %q", csp, want)
	}
}

func TestLiveCheckOfUsernames(t *testing.T) {
	s, p := newRemote(t)
	s.user(t, "grace", "grace@example.org")
	b := s.browser(t)
	b.arrive(t, p, ada(), "/app/")
	for name, want := range map[string]string{
		"ada":   `{"available":true}`,
		"grace": `{"available":false,"reason":"is taken: choose another"}`,
		"admin": `{"available":false,"reason":"is reserved: choose another"}`,
		"":      `{"available":false,"reason":"is missing"}`,
	} {
		if rw := b.get(t, "/auth/username?name="+name); rw.Code != http.StatusOK || strings.TrimSpace(rw.Body.String()) != want {
			t.Errorf("%q: %d %s", name, rw.Code, rw.Body)
		}
	}
}

// TestAccountEnumeration (CWE-204): who proves nothing learns of no username.
func TestAccountEnumeration(t *testing.T) {
	s, p := newRemote(t)
	s.user(t, "grace", "grace@example.org")
	var answers []string
	for _, name := range []string{"grace", "nobody"} {
		rw := s.browser(t).get(t, "/auth/username?name="+name)
		var problem struct{ Status int }
		if err := json.Unmarshal(rw.Body.Bytes(), &problem); err != nil || rw.Code != http.StatusUnauthorized || problem.Status != rw.Code {
			t.Errorf("%s: %d %s", name, rw.Code, rw.Body)
		}
		answers = append(answers, regexp.MustCompile(`"instance":"[^"]*"`).ReplaceAllString(rw.Body.String(), ""))
	}
	if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
		t.Errorf("the answers differ: %s", diff)
	}
	// Nor does who is a user already, and has nothing to choose.
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	if rw := b.get(t, "/auth/username?name=grace"); rw.Code != http.StatusUnauthorized {
		t.Errorf("signed in: %d", rw.Code)
	}
}

// TestNewcomerOfAnotherBrowser: the page, the check and the form belong to the
// browser that came back from the provider.
func TestNewcomerOfAnotherBrowser(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.arrive(t, p, ada(), "/app/")
	for why, cookie := range map[string]string{
		"no cookie":       "",
		"a made-up one":   newcomerCookie + "=" + strings.Repeat("A", 43),
		"another kind's":  strings.Replace(newcomerCookie, "newcomer", "leaving", 1) + "=" + b.cookie(t, newcomerCookie),
		"two of them":     newcomerCookie + "=" + b.cookie(t, newcomerCookie) + "; " + newcomerCookie + "=x",
		"the attempt's":   newcomerCookie + "=" + b.cookie(t, attemptCookie),
		"without __Host-": "wikibot-newcomer=" + b.cookie(t, newcomerCookie),
	} {
		wantRedirect(t, s.send(t, http.MethodGet, "/auth/welcome", nil, "Cookie", cookie), "/auth/login")
		rw := s.send(t, http.MethodPost, "/auth/welcome", strings.NewReader("username=eve"), "Cookie", cookie,
			"Content-Type", "application/x-www-form-urlencoded", "Origin", base)
		wantRedirect(t, rw, "/auth/login")
		wantRedirect(t, s.send(t, http.MethodGet, "/auth/welcome-back", nil, "Cookie", cookie), "/auth/login")
		if t.Failed() {
			t.Fatal(why)
		}
	}
	if _, taken, err := s.records.NameTaken(t.Context(), "eve"); err != nil || taken {
		t.Error("a user was made")
	}
}

func TestNewcomerRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := newRemote(t)
		b := s.browser(t)
		b.arrive(t, p, ada(), "/app/")
		time.Sleep(30 * time.Minute)
		wantRedirect(t, b.post(t, "/auth/welcome", "username", "ada"), "/auth/login")
	})
}

// TestUsernameSquattingRace: of two who want one name at once one gets it, and
// the other one is told, and loses nothing.
func TestUsernameSquattingRace(t *testing.T) {
	s, p := newRemote(t)
	browsers := make([]*browser, 4)
	for i := range browsers {
		person := ada()
		person.Identities = []records.Identity{{Provider: issuer, Subject: fmt.Sprint(i)}}
		person.Email = fmt.Sprintf("%d@example.org", i)
		browsers[i] = s.browser(t)
		browsers[i].arrive(t, p, person, "/app/")
	}
	codes := make([]int, len(browsers))
	var all sync.WaitGroup
	for i, b := range browsers {
		all.Go(func() { codes[i] = b.post(t, "/auth/welcome", "username", "ada").Code })
	}
	all.Wait()
	got := map[int]int{}
	for i, code := range codes {
		if got[code]++; code == http.StatusConflict {
			wantRedirect(t, browsers[i].post(t, "/auth/welcome", "username", fmt.Sprintf("ada-%d", i)), "/app/")
		}
	}
	if diff := cmp.Diff(map[int]int{http.StatusSeeOther: 1, http.StatusConflict: 3}, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

// TestFormSentTwice: a double click makes one user and leaves the browser signed
// in; so do two tabs of one newcomer.
func TestFormSentTwice(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.arrive(t, p, ada(), "/app/")
	codes := make([]int, 3)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() { codes[i] = b.post(t, "/auth/welcome", "username", "ada").Code })
	}
	all.Wait()
	for _, code := range codes {
		if code != http.StatusSeeOther {
			t.Errorf("answers %v", codes)
		}
	}
	other := s.browser(t)
	wantRedirect(t, other.arrive(t, p, ada(), "/app/"), "/app/")
	if other.username(t) != "ada" {
		t.Error("not the same user")
	}
}

// TestEmailRace: the e-mail address becomes a user's while somebody else who
// proved it still chooses a name.
func TestEmailRace(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.arrive(t, p, ada(), "/app/")
	s.user(t, "countess", "Ada@Example.org", records.Identity{Provider: issuer, Subject: "another"})
	rw := b.post(t, "/auth/welcome", "username", "ada")
	if rw.Code != http.StatusForbidden || !strings.Contains(rw.Body.String(), "belongs to another sign-in") || b.username(t) != "" {
		t.Errorf("%d %s", rw.Code, rw.Body)
	}
}

func TestIdentitiesAreJoinedByVerifiedEmailOnly(t *testing.T) {
	for _, c := range []struct {
		why    string
		has    records.Identity
		change func(*provider.Person)
		status int
		says   string
	}{
		{"verified, and from elsewhere", records.Identity{Provider: "dev", Subject: "ada@example.org"}, func(*provider.Person) {}, 303, ""},
		{"not verified", records.Identity{Provider: "dev", Subject: "ada@example.org"},
			func(p *provider.Person) { p.EmailVerified = false }, 403, "is not verified"},
		{"no address", records.Identity{Provider: "dev", Subject: "ada@example.org"},
			func(p *provider.Person) { p.Email = "" }, 403, "did not tell an e-mail address"},
		{"somebody else there", records.Identity{Provider: issuer, Subject: "the one before"}, func(*provider.Person) {}, 403, "belongs to another sign-in"},
		{"somebody else behind the broker", records.Identity{Provider: "https://github.com", Subject: "1"}, func(*provider.Person) {}, 403, "belongs to another sign-in"},
	} {
		s, p := newRemote(t)
		u := s.user(t, "ada", "ADA@example.org", c.has)
		person := ada()
		c.change(&person)
		b := s.browser(t)
		rw := b.arrive(t, p, person, "/app/x")
		if rw.Code != c.status || !strings.Contains(rw.Body.String(), c.says) {
			t.Errorf("%s: %d %s", c.why, rw.Code, rw.Body)
		}
		ids, err := s.records.IdentitiesOfUser(t.Context(), u.ID)
		if joined := len(ids) == 3; err != nil || joined != (c.status == 303) || (b.username(t) == "ada") != joined {
			t.Errorf("%s: identities %v, %v, signed in as %q", c.why, ids, err, b.username(t))
		}
	}
}

func TestComingBack(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	u, err := s.records.UserByEmail(t.Context(), "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.records.DeleteUser(t.Context(), u.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	if b.username(t) != "" {
		t.Error("signed in although they have left")
	}
	wantRedirect(t, b.arrive(t, p, ada(), "/app/x"), "/auth/welcome-back")
	page := b.get(t, "/auth/welcome-back").Body.String()
	if !strings.Contains(page, "<h1>Come back, ada?</h1>") || !strings.Contains(page, time.Now().UTC().Add(auth.DeletionGrace).Format("2 January 2006")) {
		t.Errorf("page %s", page)
	}
	if _, err := s.records.User(t.Context(), u.ID); !fault.Is(err, fault.NotFound) {
		t.Error("looking brings them back")
	}
	wantRedirect(t, s.post(t, "/auth/welcome-back"), "/auth/login") // another browser
	wantRedirect(t, b.post(t, "/auth/welcome-back"), "/app/x")
	if b.username(t) != "ada" {
		t.Error("not signed in")
	}
	wantRedirect(t, b.post(t, "/auth/welcome-back"), "/auth/login")
}

func TestForgetDeparted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newRemote(t)
		long, short := s.user(t, "long", "long@example.org"), s.user(t, "short", "short@example.org")
		if err := s.records.DeleteUser(t.Context(), long.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if err := s.records.DeleteUser(t.Context(), short.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(auth.DeletionGrace - time.Minute)
		for range 2 {
			if err := s.service.Schedules()["forget-departed"](t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.records.RestoreUser(t.Context(), long.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("long gone can come back: %v", err)
		}
		if err := s.records.RestoreUser(t.Context(), short.ID); err != nil {
			t.Errorf("gone for less than the grace: %v", err)
		}
	})
}

// TestDevelopmentNewcomer: without a username the built-in sign-in asks for one
// on the same page as all others.
func TestDevelopmentNewcomer(t *testing.T) {
	s := newSite(t)
	b := s.browser(t)
	wantRedirect(t, b.post(t, "/auth/login", "email", "grace.hopper@example.org", "return_to", "/app/x"), "/auth/welcome")
	if got := suggested(t, b.get(t, "/auth/welcome").Body.String()); got != "grace-hopper" {
		t.Errorf("suggested %q", got)
	}
	wantRedirect(t, b.post(t, "/auth/welcome", "username", "grace"), "/app/x")
	if b.username(t) != "grace" {
		t.Error("not signed in")
	}
}
