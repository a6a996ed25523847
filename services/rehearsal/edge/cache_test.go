package edge_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// says makes an origin whose answer's Cache-Control is given, with a body that
// counts.
func says(cacheControl string) http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		n++
		if cacheControl != "" {
			w.Header().Set("Cache-Control", cacheControl)
		}
		_, _ = fmt.Fprint(w, n)
	}
}

func TestLifetimes(t *testing.T) {
	for _, c := range []struct {
		says                string
		least, normal, most int // the policy's TTLs, seconds
		hit, miss           int // ages at which it is still, and no longer, fresh; -1: never
	}{
		{"", 0, 0, 1000, -1, 0},
		{"", 0, 100, 1000, 99, 100},
		{"", 50, 10, 1000, 49, 50},
		{"max-age=60", 0, 0, 1000, 59, 60},
		{"max-age=60, s-maxage=10", 0, 0, 1000, 9, 10},
		{"max-age=5000", 0, 0, 1000, 999, 1000},
		{"max-age=5", 30, 30, 1000, 29, 30},
		{"public, max-age=0, must-revalidate", 0, 100, 1000, -1, 0},
		{"no-store", 0, 100, 1000, -1, 0},
		{"private, max-age=60", 0, 100, 1000, -1, 0},
		{"no-cache", 0, 100, 1000, -1, 0},
		{"PRIVATE", 0, 100, 1000, -1, 0},
		// A minimum overrules the origin: why no policy of ours may have one.
		{"private", 30, 30, 1000, 29, 30},
	} {
		r := resources()
		p := cachePolicy(r)
		p["MinTTL"], p["DefaultTTL"], p["MaxTTL"] = c.least, c.normal, c.most
		w := newWorld(t, r, says(c.says))
		w.want(w.ask("GET", "/"), 200, "Miss", "1")
		if c.hit >= 0 {
			w.pass(time.Duration(c.hit) * time.Second)
			w.want(w.ask("GET", "/"), 200, "Hit", "1")
			w.pass(time.Duration(c.miss-c.hit) * time.Second)
		}
		w.want(w.ask("GET", "/"), 200, "Miss", "2")
		if t.Failed() {
			t.Fatalf("case %+v", c)
		}
	}
}

func TestExpiresCountsWithoutMaxAge(t *testing.T) {
	var w *world
	w = newWorld(t, resources(), func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Expires", w.Now().Add(time.Minute).Format(http.TimeFormat))
	})
	w.want(w.ask("GET", "/"), 200, "Miss", "")
	w.pass(59 * time.Second)
	g := w.ask("GET", "/")
	w.want(g, 200, "Hit", "")
	if g.Header.Get("Age") != "59" {
		t.Errorf("Age = %q", g.Header.Get("Age"))
	}
	w.pass(time.Second)
	w.want(w.ask("GET", "/"), 200, "Miss", "")
}

// tagged answers with a page that has an entity tag, and 304 to those who have
// it.
func tagged(cacheControl string, body *string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		etag := fmt.Sprintf(`"%d-%s"`, len(*body), *body)
		w.Header().Set("Etag", etag)
		w.Header().Set("Cache-Control", cacheControl)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, *body)
	}
}

func TestRevalidation(t *testing.T) {
	body := "one"
	w := newWorld(t, resources(), tagged("public, max-age=0, must-revalidate", &body))
	w.want(w.ask("GET", "/"), 200, "Miss", "one")
	w.want(w.ask("GET", "/"), 200, "RefreshHit", "one")
	if got := w.last(t).Header.Get("If-None-Match"); got != `"3-one"` {
		t.Errorf("the origin was asked with If-None-Match %q", got)
	}
	// The viewer's own precondition is answered by the edge.
	w.want(w.ask("GET", "/", `If-None-Match: "3-one"`), 304, "RefreshHit", "")
	w.want(w.ask("GET", "/", `If-None-Match: "other"`), 200, "RefreshHit", "one")
	body = "second"
	w.want(w.ask("GET", "/", `If-None-Match: "3-one"`), 200, "Miss", "second")
	w.want(w.ask("HEAD", "/"), 200, "RefreshHit", "")
	if w.count() != 6 {
		t.Errorf("the origin was asked %d times, want every time", w.count())
	}
}

func TestPreconditionOfAMissIsTheOriginsBusiness(t *testing.T) {
	body := "one"
	w := newWorld(t, resources(), tagged("max-age=60", &body))
	w.want(w.ask("GET", "/", `If-None-Match: "3-one"`), 304, "Miss", "")
	w.want(w.ask("GET", "/"), 200, "Miss", "one") // a 304 is not kept
	w.want(w.ask("GET", "/", `If-None-Match: "3-one"`), 304, "Hit", "")
}

func TestHeadAndGet(t *testing.T) {
	w := newWorld(t, resources(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Length", "5")
		_, _ = io.WriteString(w, "hello")
	})
	w.want(w.ask("HEAD", "/"), 200, "Miss", "")
	g := w.ask("HEAD", "/")
	w.want(g, 200, "Hit", "")
	if g.ContentLength != 5 {
		t.Errorf("length = %d", g.ContentLength)
	}
	w.want(w.ask("GET", "/"), 200, "Miss", "hello") // not the empty body of a HEAD
	w.want(w.ask("GET", "/"), 200, "Hit", "hello")
	w.want(w.ask("HEAD", "/"), 200, "Hit", "")
	w.want(w.ask("POST", "/"), 200, "Miss", "hello")
	w.want(w.ask("OPTIONS", "/"), 200, "Miss", "hello")
}

func TestRange(t *testing.T) {
	w := newWorld(t, resources(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		http.ServeContent(w, r, "x.txt", time.Time{}, strings.NewReader("0123456789"))
	})
	w.want(w.ask("GET", "/", "Range: bytes=2-4"), 206, "Miss", "234") // a part is not kept as the whole
	w.want(w.ask("GET", "/"), 200, "Miss", "0123456789")
	w.want(w.ask("GET", "/", "Range: bytes=2-4"), 206, "Hit", "234")
	w.want(w.ask("GET", "/", "Range: bytes=99-"), 416, "Hit", "")
	w.want(w.ask("GET", "/"), 200, "Hit", "0123456789")
}

func TestErrorsAreKeptForTenSecondsUnlessToldOtherwise(t *testing.T) {
	status, control := 404, ""
	handler := func(w http.ResponseWriter, _ *http.Request) {
		if control != "" {
			w.Header().Set("Cache-Control", control)
		}
		w.WriteHeader(status)
	}
	w := newWorld(t, resources(), handler)
	w.want(w.ask("GET", "/a"), 404, "Error", "")
	status = 200
	w.pass(9 * time.Second)
	w.want(w.ask("GET", "/a"), 404, "Error", "")
	w.pass(time.Second)
	w.want(w.ask("GET", "/a"), 200, "Miss", "")
	for _, c := range []struct {
		status  int
		control string
		kept    bool
	}{{404, "no-store", false}, {404, "private, no-cache", false}, {502, "", true}, {500, "no-store", false}, {401, "max-age=60", false}, {403, "", false}, {403, "max-age=60", true}, {429, "max-age=60", false}} {
		w := newWorld(t, resources(), handler)
		status, control = c.status, c.control
		w.ask("GET", "/")
		w.ask("GET", "/")
		if kept := w.count() == 1; kept != c.kept {
			t.Errorf("%d with %q: kept = %v", c.status, c.control, kept)
		}
	}
	// A deployment says that errors are not to be kept.
	r := resources()
	config(r)["CustomErrorResponses"] = []any{object{"ErrorCode": 404, "ErrorCachingMinTTL": 0}}
	status, control = 404, ""
	w = newWorld(t, r, handler)
	w.ask("GET", "/")
	w.ask("GET", "/")
	if w.count() != 2 {
		t.Error("an error was kept though its time is 0")
	}
}

func TestErrorsAreKeptEvenWhereCachingIsDisabled(t *testing.T) {
	r := resources()
	behavior(r)["CachePolicyId"] = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
	w := newWorld(t, r, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(502) })
	w.ask("GET", "/")
	w.ask("GET", "/")
	if w.count() != 1 {
		t.Errorf("the origin was asked %d times", w.count())
	}
}

func TestStaleIsServedWhileTheOriginFails(t *testing.T) {
	status, control := 200, "max-age=10"
	w := newWorld(t, resources(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", control)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "page")
	})
	w.ask("GET", "/a")
	control = "no-cache"
	w.ask("GET", "/b")
	control = "max-age=10, stale-if-error=0"
	w.ask("GET", "/c")
	w.pass(time.Minute)
	status, control = 503, "no-store"
	w.want(w.ask("GET", "/a"), 200, "Hit", "page")
	w.want(w.ask("GET", "/b"), 503, "Error", "page") // had no lifetime
	w.want(w.ask("GET", "/c"), 503, "Error", "page")
}

func TestVaryIsNotRead(t *testing.T) {
	w := newWorld(t, resources(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Vary", "Accept")
		_, _ = io.WriteString(w, r.Header.Get("Accept"))
	})
	w.want(w.ask("GET", "/", "Accept: text/html"), 200, "Miss", "text/html")
	w.want(w.ask("GET", "/", "Accept: text/markdown"), 200, "Hit", "text/html")
}

func TestEncodingsAreKeptApart(t *testing.T) {
	w := newWorld(t, resources(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, r.Header.Get("Accept-Encoding"))
	})
	w.want(w.ask("GET", "/", "Accept-Encoding: gzip, br"), 200, "Miss", "gzip")
	w.want(w.ask("GET", "/", "Accept-Encoding: zstd, gzip;q=0.1"), 200, "Hit", "gzip")
	w.want(w.ask("GET", "/", "Accept-Encoding: zstd"), 200, "Miss", "identity")
	w.want(w.ask("GET", "/", "Accept-Encoding: gzip;q=0"), 200, "Hit", "identity")
}

func TestCompression(t *testing.T) {
	r := resources()
	behavior(r)["Compress"] = true
	text := strings.Repeat("word ", 1000)
	w := newWorld(t, r, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Etag", `"x"`)
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		_, _ = io.WriteString(w, text)
	})
	for _, cache := range []string{"Miss", "Hit"} {
		g := w.ask("GET", "/", "Accept-Encoding: gzip")
		w.want(g, 200, cache, "")
		if g.Header.Get("Content-Encoding") != "gzip" || g.Header.Get("Etag") != `W/"x"` || len(g.text) > 200 {
			t.Errorf("%d bytes, headers %v", len(g.text), g.Header)
		}
	}
	w.want(w.ask("GET", "/"), 200, "Miss", text)
}

// The attacks below are on a wiki of which some pages are private: its origin
// answers members, known by a cookie or a token, with a secret.

const secret = "the secret of "

// door is an origin that behaves well: what is private says so.
func door(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Cookie") == "" && r.Header.Get("Authorization") == "" {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(401)
		return
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("Etag", `"member"`)
	if r.Header.Get("If-None-Match") == `"member"` {
		w.WriteHeader(304)
		return
	}
	_, _ = io.WriteString(w, secret+r.Header.Get("X-Forwarded-Host")+r.URL.Path)
}

func TestPrivatePageIsNotServedToAStranger(t *testing.T) {
	for why, headers := range map[string][]string{
		"to a cookie":   {"Cookie: session=1"},
		"to a token":    {"Authorization: Bearer t"},
		"to a range":    {"Cookie: session=1", "Range: bytes=0-3"},
		"to a HEAD":     {"Authorization: Bearer t"},
		"to a question": {"Cookie: session=1", `If-None-Match: "member"`},
	} {
		w := newWorld(t, resources(), door)
		method := "GET"
		if why == "to a HEAD" {
			method = "HEAD"
		}
		w.ask(method, "/Home", headers...)
		for _, path := range []string{"/Home", "/home", "/Home?", "//Home"} {
			if g := w.ask("GET", path); g.StatusCode != 401 || strings.Contains(g.text, secret) {
				t.Errorf("what was given %s, a stranger was given at %s: %d %q", why, path, g.StatusCode, g.text)
			}
		}
	}
}

// Cache deception: an address that looks like a file's makes a cache keep what
// is behind it. Here no cache looks at the path's end, and the policies for
// files have no minimum, so the page's own headers decide.
func TestCacheDeceptionByAFilesName(t *testing.T) {
	r := resources()
	files := object{"TargetOriginId": "site", "CachePolicyId": object{"Ref": "Cache"}, "OriginRequestPolicyId": object{"Ref": "Forward"}}
	for _, pattern := range []string{"/-/assets/*", "*.css"} {
		b := object{"PathPattern": pattern}
		for k, v := range files {
			b[k] = v
		}
		list, _ := config(r)["CacheBehaviors"].([]any)
		config(r)["CacheBehaviors"] = append(list, b)
	}
	for _, path := range []string{"/Home/x.css", "/-/assets/../Home", "//-/assets/%2e%2e/%2E%2e/Home", "/-/assets/..%2fHome", "/Home%2fx.css", "/-/assets/Home;x.css"} {
		w := newWorld(t, r, door)
		w.ask("GET", path, "Cookie: session=1")
		if g := w.ask("GET", path); strings.Contains(g.text, secret) {
			t.Errorf("%s: %q", path, g.text)
		}
	}
}

// With a minimum, the same attack works: that the emulation shows it is what
// makes it worth something.
func TestCacheDeceptionWorksUnderAMinimum(t *testing.T) {
	r := resources()
	behavior(r)["CachePolicyId"] = "658327ea-f89d-4fab-a63d-7e88639e58f6" // CachingOptimized keeps everything for a second
	w := newWorld(t, r, door)
	w.ask("GET", "/Home", "Cookie: session=1")
	if g := w.ask("GET", "/Home"); !strings.Contains(g.text, secret) {
		t.Errorf("got %d %q, want the leak", g.StatusCode, g.text)
	}
}

// The host is not part of the key of itself: without a header that carries it,
// wikis are served each other's pages.
func TestPagesOfTwoHostsAreMixedUpUnlessTheKeyNamesTheHost(t *testing.T) {
	public := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-Host"))
	}
	r := resources()
	script(r, "viewer-request", `function handler(e) { e.request.headers['x-forwarded-host'] = {value: e.request.headers.host.value}; return e.request; }`)
	w := newWorld(t, r, public)
	w.ask("GET", "/", "Host: a.site.localhost")
	w.want(w.ask("GET", "/", "Host: b.site.localhost"), 200, "Hit", "a.site.localhost")
	at(cachePolicy(r), "ParametersInCacheKeyAndForwardedToOrigin")["HeadersConfig"] = object{"HeaderBehavior": "whitelist", "Headers": []any{"X-Forwarded-Host"}}
	w = newWorld(t, r, public)
	w.ask("GET", "/", "Host: a.site.localhost")
	w.want(w.ask("GET", "/", "Host: b.site.localhost"), 200, "Miss", "b.site.localhost")
	w.want(w.ask("GET", "/", "Host: b.site.localhost", "X-Forwarded-Host: a.site.localhost"), 200, "Hit", "b.site.localhost")
}

// Poisoning by an unkeyed header: the origin's answer depends on a header that
// is not in the key.
func TestUnkeyedHeaderPoisonsWhatIsKept(t *testing.T) {
	w := newWorld(t, resources(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-Scheme"))
	})
	w.ask("GET", "/", "X-Forwarded-Scheme: evil")
	w.want(w.ask("GET", "/"), 200, "Hit", "evil")
}

func TestQueryIsPartOfTheKeyAsItWasSent(t *testing.T) {
	w := newWorld(t, resources(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, r.URL.RawQuery)
	})
	for _, query := range []string{"a=1&b=2", "b=2&a=1", "a=1&b=2&a=3", "a=1", "a=%31", ""} {
		w.want(w.ask("GET", "/?"+query), 200, "Miss", query)
		w.want(w.ask("GET", "/?"+query), 200, "Hit", query)
	}
}

// Parts of a key are told apart even where a value looks like the next part.
func TestKeysDoNotRunIntoEachOther(t *testing.T) {
	r := resources()
	p := at(cachePolicy(r), "ParametersInCacheKeyAndForwardedToOrigin")
	p["HeadersConfig"] = object{"HeaderBehavior": "whitelist", "Headers": []any{"A", "B"}}
	p["CookiesConfig"] = object{"CookieBehavior": "all"}
	w := newWorld(t, r, says("max-age=60"))
	for i, headers := range [][]string{{"A: 1", "B: 2"}, {"A: 12"}, {"B: 12"}, {"A: 1:b1:2"}, {"Cookie: a=1"}, {"Cookie: a=2"}, {"A: a=1"}} {
		w.want(w.ask("GET", "/", headers...), 200, "Miss", fmt.Sprint(i+1))
	}
	w.want(w.ask("GET", "/", "Cookie: b=1; a=1"), 200, "Miss", "8")
	w.want(w.ask("GET", "/", "Cookie: a=1; b=1"), 200, "Hit", "8")
}

func TestCookiesThatAreKeptGoToEverybody(t *testing.T) {
	w := newWorld(t, resources(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Set-Cookie", "session=ada")
	})
	w.ask("GET", "/")
	if g := w.ask("GET", "/"); g.Header.Get("Set-Cookie") != "session=ada" {
		t.Errorf("Set-Cookie = %q: CloudFront keeps it with the answer", g.Header.Get("Set-Cookie"))
	}
}

func TestManagedPolicyThatKeepsNothing(t *testing.T) {
	r := resources()
	behavior(r)["CachePolicyId"], behavior(r)["OriginRequestPolicyId"] = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "b689b0a8-53d0-40ab-baf2-68738e2966ac"
	w := newWorld(t, r, says("max-age=60"))
	for i := range 3 {
		w.want(w.ask("GET", "/?q=1", "Accept-Encoding: zstd, br", "Cookie: a=1"), 200, "Miss", fmt.Sprint(i+1))
	}
	q := w.last(t)
	if q.Header.Get("Accept-Encoding") != "zstd, br" || q.Header.Get("Cookie") != "a=1" || q.URL.RawQuery != "q=1" || q.Host != "origin.test" {
		t.Errorf("asked %s for %s with %v", q.Host, q.URL, q.Header)
	}
}
