package cloud

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wikibot.io/contracts/routes"
	"wikibot.io/contracts/subscriptions"
	"wikibot.io/pkg/event"
	"wikibot.io/pkg/lambdakit"
)

func platform(t *testing.T, s routes.Service) *Platform {
	t.Helper()
	c, err := load(s, good(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return &Platform{Config: c, Log: slog.New(slog.DiscardHandler)}
}

// Every service's drivers open, without AWS being there.
func TestOpen(t *testing.T) {
	for s := range needsOf {
		p, err := Open(platform(t, s).Config)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if (p.Records != nil) != (len(p.Config.Tables) > 0) {
			t.Errorf("%s: records are open: %v; its tables: %v", s, p.Records != nil, p.Config.Tables)
		}
		if want := needsOf[s].requests && s != routes.Auth; (p.Authenticator != nil) != want {
			t.Errorf("%s: has an authenticator: %v", s, !want)
		}
	}
}

// A function answers what the route table gives to its service, and nothing else,
// however the edge came to send it here.
func TestAttackMisroutedRequests(t *testing.T) {
	served := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") })
	for _, c := range []struct {
		why     string
		service routes.Service
		host    string
		path    string
		want    int
	}{
		{"its own", routes.Wiki, "notes.wikibot.io", "/Home", 200},
		{"its own, escaped", routes.Wiki, "notes.wikibot.io", "/%61pi/v1/pages", 200},
		{"another's", routes.Wiki, "notes.wikibot.io", "/mcp", 404},
		{"another's, escaped so that the edge does not see it", routes.Wiki, "notes.wikibot.io", "/repo%2Egit/info/refs", 404},
		{"the root host is not the wiki's", routes.Wiki, "wikibot.io", "/api/wikis", 404},
		{"nor is a stranger's", routes.Wiki, "evil.example", "/", 404},
		{"nor the function's own", routes.Wiki, "abc.lambda-url.us-east-1.on.aws", "/", 404},
		{"a wiki's host is not management's", routes.Management, "notes.wikibot.io", "/api/wikis", 404},
		{"management's own", routes.Management, "wikibot.io", "/api/wikis", 200},
		{"the app is in a bucket", routes.Management, "wikibot.io", "/app/", 404},
		{"git's own", routes.GitHTTP, "notes.wikibot.io", "/repo.git/info/refs", 200},
	} {
		p := platform(t, c.service)
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "http://"+c.host+c.path, nil)
		p.own(served).ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %s %s answers %d, want %d", c.why, c.service, r.URL, w.Code, c.want)
		}
	}
}

// A function that left a rule's target unattended would send its events to the
// dead letters.
func TestUnattendedSubscriptions(t *testing.T) {
	p := platform(t, routes.Wiki)
	_, err := p.Function(lambdakit.Function{Subscriptions: []event.Subscription{event.On(subscriptions.WikiBootstrap, nil)}})
	if err == nil || !strings.Contains(err.Error(), subscriptions.WikiRemoval.Name) || strings.Contains(err.Error(), subscriptions.WikiBootstrap.Name) {
		t.Errorf("got %v", err)
	}
}

// What is counted by route must be few values, whatever is asked for.
func TestRoutesForMetrics(t *testing.T) {
	p := platform(t, routes.Wiki)
	for _, c := range []struct{ host, path, want string }{
		{"notes.wikibot.io", "/Some/Page", "wiki /*"},
		{"other.wikibot.io", "/api/v1/pages", "wiki /api/v1/*"},
		{"wikibot.io", "/auth/login", "root /auth/*"},
		{"wikibot.io", "/nothing", "other"},
		{"evil.example", "/x", "other"},
	} {
		if got := p.route(c.host, c.path); got != c.want {
			t.Errorf("route of %s%s = %q, want %q", c.host, c.path, got, c.want)
		}
	}
}

// Lambda's credentials reach the clients, the session token with them: without it
// every call is refused.
func TestCredentials(t *testing.T) {
	e := good(t, routes.Wiki)
	e["AWS_SESSION_TOKEN"] = "token"
	c, err := load(routes.Wiki, e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.AWS().Credentials.Retrieve(context.Background())
	if err != nil || got.AccessKeyID != "id" || got.SecretAccessKey != "secret" || got.SessionToken != "token" {
		t.Errorf("got %+v, %v", got, err)
	}
}
