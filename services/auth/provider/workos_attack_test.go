package provider_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/services/auth/provider"
)

// answering is WorkOS with given answers to authenticate and to identities.
type answering struct{ authenticate, identities string }

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/identities") {
		return reply{200, []byte(a.identities)}.RoundTrip(r)
	}
	return reply{200, []byte(a.authenticate)}.RoundTrip(r)
}

func workOSWith(t *testing.T, a answering) provider.Provider {
	t.Helper()
	p, err := provider.WorkOS(provider.WorkOSOptions{ClientID: "c", APIKey: "sk_1", Client: &http.Client{Transport: a}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const anAnswer = `{"user":{"id":"user_1","email":"ada@example.org","email_verified":true},"access_token":"SID","refresh_token":"r1"}`

// withSession gives an answer an access token of that session.
func withSession(answer, sid string) string {
	payload := base64.RawURLEncoding.EncodeToString([]byte(`{"sid":"` + sid + `"}`))
	return strings.Replace(answer, "SID", "x."+payload+".y", 1)
}

// Somebody of the dashboard who acts as a user is not that user.
func TestWorkOSImpersonation(t *testing.T) {
	a := strings.Replace(anAnswer, `"user":`, `"impersonator":{"email":"admin@example.org","reason":"support"},"user":`, 1)
	_, err := workOSWith(t, answering{a, "[]"}).Finish(t.Context(), newAttempt(""), url.Values{"code": {"x"}})
	want(t, err, fault.Denied, "sk_1")
}

func TestWorkOSRenewalOfAnother(t *testing.T) {
	who, err := workOSWith(t, answering{anAnswer, "[]"}).Finish(t.Context(), newAttempt(""), url.Values{"code": {"x"}})
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(anAnswer, "user_1", "user_2", 1)
	_, err = workOSWith(t, answering{other, "[]"}).Renew(t.Context(), who.Held)
	want(t, err, fault.Unauthenticated, "sk_1")
}

// What a renewal leaves out stays as it was.
func TestWorkOSRenewalKeeps(t *testing.T) {
	who, err := workOSWith(t, answering{withSession(anAnswer, "session_1"), "[]"}).Finish(t.Context(), newAttempt(""), url.Values{"code": {"x"}})
	if err != nil {
		t.Fatal(err)
	}
	p := workOSWith(t, answering{`{"user":{"id":"user_1"}}`, "[]"})
	held, err := p.Renew(t.Context(), who.Held)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(who.Held), string(held)); d != "" {
		t.Error(d)
	}
	if end := p.EndURL(held, ""); !strings.HasSuffix(end, "/user_management/sessions/logout?session_id=session_1") {
		t.Errorf("the session ends at %q", end)
	}
}

// An address that cannot be one is not vouched for, whatever the flag says.
func TestWorkOSVerifiedNothing(t *testing.T) {
	for _, email := range []string{"", "ada", `ada@example.org\nx`, "<ada@example.org>"} {
		a := strings.Replace(anAnswer, "ada@example.org", email, 1)
		who, err := workOSWith(t, answering{a, "[]"}).Finish(t.Context(), newAttempt(""), url.Values{"code": {"x"}})
		if err != nil || who.Email != "" || who.EmailVerified {
			t.Errorf("%q made %q, verified %v: %v", email, who.Email, who.EmailVerified, err)
		}
	}
}

// Only identities that we can name, and that can be told apart, are kept; both
// spellings of GitHub are one provider.
func TestWorkOSStrangeIdentities(t *testing.T) {
	user := records.Identity{Provider: broker, Subject: "user_1"}
	for _, tc := range []struct {
		why, list string
		want      []records.Identity
	}{
		{"two spellings", `[{"idp_id":"7","type":"OAuth","provider":"GithubOAuth"}]`, []records.Identity{user, {Provider: "https://github.com", Subject: "7"}}},
		{"a type of the future", `[{"idp_id":"7","type":"SAML","provider":"GoogleOAuth"}]`, []records.Identity{user}},
		{"a provider of the future", `[{"idp_id":"7","type":"OAuth","provider":"SalesforceOAuth"}]`, []records.Identity{user}},
		{"everybody without a subject would be one", `[{"idp_id":"","type":"OAuth","provider":"GoogleOAuth"}]`, []records.Identity{user}},
		{"not printable", `[{"idp_id":"7\u0000","type":"OAuth","provider":"GoogleOAuth"}]`, []records.Identity{user}},
		{"not a list", `{"data":[]}`, []records.Identity{user}},
	} {
		who, err := workOSWith(t, answering{anAnswer, tc.list}).Finish(t.Context(), newAttempt(""), url.Values{"code": {"x"}})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tc.want, who.Identities); d != "" {
			t.Errorf("%s:\n%s", tc.why, d)
		}
	}
}
