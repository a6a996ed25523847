package cli_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/services/wikibot/internal/cli"
)

func TestLoginByBrowser(t *testing.T) {
	f := newFleet(t)
	term := newTerminal(t, f.browse)
	want := cli.Me{URL: f.URL, Username: "ada", Email: "ada@example.org", DisplayName: "Ada"}
	me, err := term.Login(t.Context(), f.URL+"/")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, me); diff != "" {
		t.Error(diff)
	}
	if f.asked.Get("device_name") != "laptop" {
		t.Errorf("the fleet is not told the machine's name: %v", f.asked)
	}
	first := f.good()
	kept, ok, err := term.keep.Get(f.URL)
	if err != nil || !ok || len(first) != 1 || kept.Token != first[0] || time.Until(kept.ExpiresAt) < 89*24*time.Hour {
		t.Errorf("kept %+v %v %v, given %v", kept, ok, err, first)
	}
	for path, mode := range map[string]os.FileMode{term.keep.Path(): 0o600, filepath.Dir(term.keep.Path()): 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v %v, want %v", path, info.Mode(), err, mode)
		}
	}
	if me, err := term.WhoAmI(t.Context(), ""); err != nil || me != want {
		t.Errorf("who am I: %+v %v", me, err)
	}

	// The token of a second login takes the place of the first.
	if _, err := term.Login(t.Context(), f.URL); err != nil {
		t.Fatal(err)
	}
	if now := f.good(); len(now) != 1 || now[0] == first[0] {
		t.Errorf("good tokens %v, the first was %v", now, first)
	}
	if err := term.Logout(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if now := f.good(); len(now) != 0 {
		t.Errorf("still good: %v", now)
	}
	if _, err := term.WhoAmI(t.Context(), f.URL); err == nil || !strings.Contains(err.Error(), "wikibot login "+f.URL) {
		t.Errorf("after logout: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(term.keep.Path()), "*")); err != nil || len(left) != 1 {
		t.Errorf("left in the folder: %v %v", left, err)
	}
}

func TestLoginWithoutABrowser(t *testing.T) {
	f := newFleet(t)
	for _, c := range []struct{ decision, says string }{
		{"approved", ""}, {"declined", "declined"}, {"forgotten", "too long"},
	} {
		term := newTerminal(t, nil)
		done := make(chan error, 1)
		f.decide("over")
		go func() {
			_, err := term.Login(t.Context(), f.URL)
			done <- err
		}()
		select {
		case <-term.out.code:
		case err := <-done:
			t.Fatalf("%s: ended before it was decided: %v", c.decision, err)
		}
		if !strings.Contains(term.out.String(), f.URL+"/oauth/device\n") || f.asked.Get("device_name") != "laptop" {
			t.Errorf("%s: it shows %q, asked %v", c.decision, term.out, f.asked)
		}
		f.decide(c.decision)
		err := <-done
		_, kept, _ := term.keep.Get(f.URL)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || kept != (err == nil) {
			t.Errorf("%s: %v, kept %v", c.decision, err, kept)
		}
	}
}

// TestAnswersOfOthers: what comes back to the listener was sent by whoever could
// make the browser go there.
func TestAnswersOfOthers(t *testing.T) {
	for _, c := range []struct {
		why  string
		back func(url.Values)
		says string // of the error; "" if the login goes well
		page string
	}{
		{"all is well", func(url.Values) {}, "", "You are signed in"},
		{"mix-up: another server's answer (RFC 9207)", func(v url.Values) { v.Set("iss", "https://evil.example") }, "another server", "That did not work"},
		{"mix-up: an answer of nobody, where the server names itself", func(v url.Values) { v.Del("iss") }, "another server", "That did not work"},
		{"mix-up: two issuers", func(v url.Values) { v.Add("iss", v.Get("iss")) }, "another server", "That did not work"},
		{"a code of another login (RFC 9700 section 4.5)", func(v url.Values) { v.Set("code", "stolen") }, "invalid_grant", "That did not work"},
		{"two codes", func(v url.Values) { v.Add("code", "x") }, "without a code", "That did not work"},
		{"no code", func(v url.Values) { v.Del("code") }, "without a code", "That did not work"},
		{"declined", func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") }, "declined", "You are not signed in"},
		{"an error that would steer the terminal", func(v url.Values) { v.Set("error", "x\x1b[2J<script>") }, `"x[2J<script>"`, "That did not work"},
	} {
		t.Run(c.why, func(t *testing.T) {
			f := newFleet(t)
			f.back = c.back
			page := make(chan string, 1)
			term := newTerminal(t, func(address string) error {
				go func() { page <- get(address) }()
				return nil
			})
			_, err := term.Login(t.Context(), f.URL)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if shown := <-page; !strings.Contains(shown, "<h1>"+c.page+"</h1>") || strings.Contains(shown, "script") {
				t.Errorf("page %q, want %q", shown, c.page)
			}
			if _, kept, _ := term.keep.Get(f.URL); kept != (err == nil) {
				t.Errorf("kept a token: %v", kept)
			}
		})
	}
}

// TestCallbackCSRF: a page that knows the port cannot end, or begin, a login.
func TestCallbackCSRF(t *testing.T) {
	f := newFleet(t)
	term := newTerminal(t, func(address string) error {
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		back, state := u.Query().Get("redirect_uri"), u.Query().Get("state")
		for why, wrong := range map[string]string{
			"no state":      back + "?code=evil",
			"another state": back + "?code=evil&state=x",
			"two states":    back + "?code=evil&state=x&state=" + state,
			"another path":  strings.TrimSuffix(back, "/callback") + "/?code=evil&state=" + state,
		} {
			if shown := get(wrong); !strings.Contains(shown, "Not this sign-in") && !strings.Contains(shown, "Nothing here") {
				t.Errorf("%s: %s", why, shown)
			}
		}
		res, err := http.PostForm(back+"?code=evil&state="+state, nil)
		if err != nil || res.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("a posted answer: %v %v", res, err)
		}
		return f.browse(address)
	})
	if _, err := term.Login(t.Context(), f.URL); err != nil {
		t.Errorf("the real answer no longer counts: %v", err)
	}
}

func get(address string) string {
	res, err := http.Get(address)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// TestServersThatAreNotWhatTheySay: nothing is sent to a server, nor the person
// to its pages, that does not stand by its own address.
func TestServersThatAreNotWhatTheySay(t *testing.T) {
	for why, change := range map[string]func(map[string]any){
		"another issuer":            func(m map[string]any) { m["issuer"] = "https://wikibot.io" },
		"a slash more":              func(m map[string]any) { m["issuer"] = m["issuer"].(string) + "/" },
		"sign-in elsewhere":         func(m map[string]any) { m["authorization_endpoint"] = "https://evil.example/oauth/authorize" },
		"tokens elsewhere":          func(m map[string]any) { m["token_endpoint"] = "https://evil.example/" },
		"a host that begins so":     func(m map[string]any) { m["token_endpoint"] = m["issuer"].(string) + ".evil.example/" },
		"a user that begins so":     func(m map[string]any) { m["revocation_endpoint"] = m["issuer"].(string) + "@evil.example/" },
		"no device flow":            func(m map[string]any) { delete(m, "device_authorization_endpoint") },
		"PKCE downgrade: plain":     func(m map[string]any) { m["code_challenge_methods_supported"] = []string{"plain"} },
		"PKCE downgrade: not named": func(m map[string]any) { delete(m, "code_challenge_methods_supported") },
	} {
		f := newFleet(t)
		change(f.metadata)
		term := newTerminal(t, func(string) error { t.Errorf("%s: the browser was opened", why); return nil })
		if _, err := term.Login(t.Context(), f.URL); err == nil || !strings.Contains(err.Error(), "ask "+f.URL+" how to sign in") {
			t.Errorf("%s: %v", why, err)
		}
	}
	for why, answer := range map[string]http.HandlerFunc{
		"led elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		},
		"nothing there": http.NotFound,
		"a page":        func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
		"without an end": func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"issuer":"` + strings.Repeat("x", 2<<20)))
		},
	} {
		s := httptest.NewServer(answer)
		t.Cleanup(s.Close)
		if _, err := newTerminal(t, nil).Login(t.Context(), s.URL); err == nil {
			t.Errorf("%s: no error", why)
		}
	}
}

// TestTokensGoNowhereElse: a fleet that was taken over, or its proxy, cannot lead
// the token away.
func TestTokensGoNowhereElse(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("it was asked: %s %v", r.URL, r.Header)
	}))
	t.Cleanup(thief.Close)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(s.Close)
	term := newTerminal(t, nil)
	if err := term.keep.Put(s.URL, cli.Kept{Token: "wbp_x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := term.WhoAmI(t.Context(), ""); err == nil {
		t.Error("who am I: no error")
	}
	if err := term.Logout(t.Context(), ""); err != nil || !strings.Contains(term.out.String(), "could not end it there") {
		t.Errorf("logout: %v, %s", err, term.out)
	}
}

func TestATokenThatIsGone(t *testing.T) {
	f := newFleet(t)
	term := newTerminal(t, f.browse)
	if err := term.keep.Put(f.URL, cli.Kept{Token: "wbp_old"}); err != nil {
		t.Fatal(err)
	}
	if _, err := term.WhoAmI(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "no longer takes the token") || !strings.Contains(err.Error(), "wikibot login "+f.URL) {
		t.Errorf("who am I: %v", err)
	}
}

func TestLogoutWhenTheFleetIsAway(t *testing.T) {
	f := newFleet(t)
	term := newTerminal(t, f.browse)
	if _, err := term.Login(t.Context(), f.URL); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := term.Logout(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if out := term.out.String(); !strings.Contains(out, "could not end it there") || !strings.Contains(out, "until") {
		t.Errorf("it does not say so: %s", out)
	}
	if servers, err := term.keep.Servers(); err != nil || len(servers) != 0 {
		t.Errorf("still kept: %v %v", servers, err)
	}
}

func TestWhichFleet(t *testing.T) {
	term := newTerminal(t, nil)
	if _, err := term.WhoAmI(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "not signed in anywhere") {
		t.Errorf("none: %v", err)
	}
	for _, server := range []string{"https://b.example", "https://a.example"} {
		if err := term.keep.Put(server, cli.Kept{Token: "wbp_x"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := term.Logout(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "https://a.example, https://b.example") {
		t.Errorf("two: %v", err)
	}
}

// An interrupt ends a login at once and leaves nothing behind, nor anybody
// listening.
func TestInterrupt(t *testing.T) {
	f := newFleet(t)
	ctx, cancel := context.WithCancel(t.Context())
	back := ""
	term := newTerminal(t, func(address string) error {
		u, err := url.Parse(address)
		back = u.Query().Get("redirect_uri")
		cancel()
		return err
	})
	if _, err := term.Login(ctx, f.URL); err == nil || !strings.Contains(err.Error(), "broken off") {
		t.Errorf("with a browser: %v", err)
	}
	if res, err := http.Get(back); err == nil {
		t.Errorf("somebody listens at %s: %s", back, res.Status)
	}
	if _, err := os.Stat(term.keep.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was left: %v", err)
	}
}

// A person who went away is not waited for for ever.
func TestNobodyComesBack(t *testing.T) {
	f := newFleet(t)
	back := ""
	term := newTerminal(t, func(address string) error {
		u, err := url.Parse(address)
		back = u.Query().Get("redirect_uri")
		return err
	})
	term.SetPatience(time.Millisecond)
	if _, err := term.Login(t.Context(), f.URL); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("%v", err)
	}
	if res, err := http.Get(back); err == nil {
		t.Errorf("somebody listens at %s: %s", back, res.Status)
	}
}

func TestABrowserThatDoesNotOpen(t *testing.T) {
	f := newFleet(t)
	term := newTerminal(t, func(address string) error {
		f.browse(address) // the person copies the address
		return errors.New("no such program")
	})
	if _, err := term.Login(t.Context(), f.URL); err != nil || !strings.Contains(term.out.String(), "no such program") || !strings.Contains(term.out.String(), "  "+f.URL+"/oauth/authorize?") {
		t.Errorf("%v: %s", err, term.out)
	}
}

func TestLocalhostNamesAreThisMachine(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(r.Host)) }))
	t.Cleanup(s.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	for _, host := range []string{"localhost", "wikibot.localhost", "ada.WIKIBOT.localhost"} {
		res, err := cli.NewHTTP().Get("http://" + host + ":" + port)
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		res.Body.Close()
	}
}
