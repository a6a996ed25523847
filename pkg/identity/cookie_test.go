package identity_test

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/identity"
)

func TestCookies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, rw := newHosts(t), httptest.NewRecorder()
		identity.SetCookies(rw, h, identity.SessionTokens{Root: "r", Wikis: "w", ExpiresAt: time.Now().Add(24 * time.Hour)})
		want := []string{
			"__Host-wikibot=r; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax", // no Domain, or browsers refuse it
			"wikibot=w; Path=/; Domain=wikibot.io; Max-Age=86400; HttpOnly; Secure; SameSite=Lax",
		}
		if diff := cmp.Diff(want, rw.Header()["Set-Cookie"]); diff != "" {
			t.Errorf("sign-in (-want +got):\n%s", diff)
		}
		rw = httptest.NewRecorder()
		identity.SetSession(rw, h, "s", time.Now().Add(30*24*time.Hour))
		session := []string{
			"__Host-wikibot-session=s; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax", // for the root host alone
			"logged_in=1; Path=/; Domain=wikibot.io; Max-Age=2592000; Secure; SameSite=Lax",
		}
		if diff := cmp.Diff(session, rw.Header()["Set-Cookie"]); diff != "" {
			t.Errorf("what renews it (-want +got):\n%s", diff)
		}
		cleared := []string{
			"__Host-wikibot=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
			"wikibot=; Path=/; Domain=wikibot.io; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
			"__Host-wikibot-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
			"logged_in=; Path=/; Domain=wikibot.io; Max-Age=0; Secure; SameSite=Lax",
		}
		rw = httptest.NewRecorder()
		identity.ClearCookies(rw, h)
		if diff := cmp.Diff(cleared, rw.Header()["Set-Cookie"]); diff != "" {
			t.Errorf("sign-out (-want +got):\n%s", diff)
		}
		rw = httptest.NewRecorder()
		identity.SetCookies(rw, h, identity.SessionTokens{Root: "r", Wikis: "w", ExpiresAt: time.Now()})
		identity.SetSession(rw, h, "s", time.Now())
		if diff := cmp.Diff(cleared, rw.Header()["Set-Cookie"]); diff != "" {
			t.Errorf("a session that is over (-want +got):\n%s", diff)
		}
	})
}
