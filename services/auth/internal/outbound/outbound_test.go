package outbound

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
)

const document = "https://client.example.com/client.json"

// serve returns a fetcher of what handler answers at example.com.
func serve(t *testing.T, handler http.HandlerFunc) Fetcher {
	t.Helper()
	s := httptest.NewTLSServer(handler)
	t.Cleanup(s.Close)
	return fetcherOf(t, s.Client())
}

func fetcherOf(t *testing.T, c *http.Client) Fetcher {
	t.Helper()
	f, err := New(Options{MaxBytes: 1000, Type: "application/json", Client: c})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func answer(typ, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", typ)
		io.WriteString(w, body)
	}
}

func TestFetch(t *testing.T) {
	for _, typ := range []string{"application/json", "application/json; charset=utf-8", "application/oauth-client+json"} {
		got, err := serve(t, answer(typ, `{"a":1}`)).Fetch(t.Context(), document)
		if err != nil || string(got.Body) != `{"a":1}` || got.Header.Get("Content-Type") != typ {
			t.Errorf("%s: %q, %v", typ, got.Body, err)
		}
	}
}

func TestFetchSendsNothingOfOurs(t *testing.T) {
	var got http.Header
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		answer("application/json", "{}")(w, r)
	})
	if _, err := f.Fetch(t.Context(), document); err != nil {
		t.Fatal(err)
	}
	want := http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"identity"}, "User-Agent": {"wikibot"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestNoSuchDocument(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(make([]byte, 10<<20)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	endless := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://other.example.com/")
			w.WriteHeader(code)
		}
	}
	for _, c := range []struct {
		why     string
		handler http.HandlerFunc
		want    fault.Kind
	}{
		{"a page", answer("text/html", "<p>"), fault.Invalid},
		{"no type", answer("", "{}"), fault.Invalid},
		{"a type that only begins alike", answer("application/jsonp", "{}"), fault.Invalid},
		{"just too large, and says so", answer("application/json", strings.Repeat(" ", 1001)), fault.Invalid},
		{"endless body", endless, fault.Invalid},
		{"gzip bomb", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		}, fault.Invalid},
		{"redirect", status(http.StatusFound), fault.Invalid},
		{"permanent redirect", status(http.StatusPermanentRedirect), fault.Invalid},
		{"missing", status(http.StatusNotFound), fault.Invalid},
		{"created, not found", status(http.StatusCreated), fault.Invalid},
		{"broken for the moment", status(http.StatusBadGateway), fault.Unavailable},
		{"busy", status(http.StatusTooManyRequests), fault.Unavailable},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Unavailable},
	} {
		if _, err := serve(t, c.handler).Fetch(t.Context(), document); !fault.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", c.why, err, c.want)
		}
	}
}

// TestRedirectIsNotFollowed: not even to a place that would be allowed.
func TestRedirectIsNotFollowed(t *testing.T) {
	visits := 0
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		visits++
		http.Redirect(w, r, "https://client.example.com/next", http.StatusSeeOther)
	})
	if _, err := f.Fetch(t.Context(), document); !fault.Is(err, fault.Invalid) || visits != 1 {
		t.Errorf("%d visits, %v", visits, err)
	}
}

// TestSlowBodyIsGivenUp: a byte now and then must not hold a request open.
func TestSlowBodyIsGivenUp(t *testing.T) {
	for _, c := range []struct{ why, head string }{
		{"drips", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"},
		{"says nothing", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			done := make(chan struct{})
			go func() { drip(far, c.head); close(done) }()
			tr := &http.Transport{DisableKeepAlives: true, DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
			start := time.Now()
			_, err := fetcherOf(t, &http.Client{Transport: tr}).Fetch(t.Context(), document)
			if !fault.Is(err, fault.Unavailable) || time.Since(start) > patience+time.Second {
				t.Errorf("%s: %v after %s", c.why, err, time.Since(start))
			}
			far.Close()
			<-done
		})
	}
}

func drip(conn net.Conn, head string) {
	buf := make([]byte, 4096)
	if _, err := conn.Read(buf); err != nil {
		return
	}
	io.WriteString(conn, head)
	for {
		time.Sleep(time.Second) // of the bubble's clock
		if head != "" {
			if _, err := io.WriteString(conn, " "); err != nil {
				return
			}
		} else if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}

func TestAddressAsText(t *testing.T) {
	for _, ok := range []string{
		"https://claude.ai/oauth/mcp-oauth-client-metadata", "https://a.b.example.com:443/x?y=1", "https://EXAMPLE.com/x", "https://xn--bcher-kva.example.com/c",
	} {
		if err := checkURL(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{
		"", "client", "http://example.com/x", "ftp://example.com/x", "file:///etc/passwd", "https:example.com", "https:///x",
		"https://user@example.com/x", "https://user:pw@example.com/x", "https://example.com:8443/x", "https://example.com:80/x", "https://example.com:/x",
		"https://example.com/x#y", "https://example.com/x#", "https://example.com\\@evil.org/", "https://example.com/ x", "https://exa\u006d\u200bple.com/",
		"https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://017700000001/",
		"https://localhost/", "https://a.localhost/", "https://metadata.google.internal/", "https://router.lan/", "https://printer.local/", "https://intranet/",
		"https://example.com./", "https://-a.com/", "https://a..com/", "https://a_b.com/", "https://" + strings.Repeat("a", 64) + ".com/", "https://e.com/" + strings.Repeat("a", 2000),
	} {
		if checkURL(bad) == nil {
			t.Errorf("%s: taken", bad)
		}
		if _, err := serve(t, answer("application/json", "{}")).Fetch(t.Context(), bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("fetch %s: %v", bad, err)
		}
	}
}

func FuzzAddressAsText(f *testing.F) {
	f.Add("https://claude.ai/x")
	f.Add("https://a@b.c:443/#")
	f.Fuzz(func(t *testing.T, raw string) {
		if checkURL(raw) != nil {
			return
		}
		r, err := http.NewRequest(http.MethodGet, raw, nil)
		if err != nil || r.URL.Scheme != "https" || r.URL.User != nil || checkName(r.URL.Hostname()) != nil {
			t.Errorf("took %q: %v", raw, err)
		}
	})
}

func TestNewNeedsBounds(t *testing.T) {
	for _, o := range []Options{{}, {MaxBytes: 1}, {Type: "a/b"}, {MaxBytes: -1, Type: "a/b"}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v: taken", o)
		}
	}
}

// TestProxyOfTheEnvironmentIsNotAsked: it would connect in our place, unchecked.
func TestProxyOfTheEnvironmentIsNotAsked(t *testing.T) {
	tr, ok := guarded(net.DefaultResolver).Transport.(*http.Transport)
	if !ok || tr.Proxy != nil || tr.TLSClientConfig != nil && tr.TLSClientConfig.InsecureSkipVerify {
		t.Errorf("transport %+v", tr)
	}
}

// TestCertificateOfAnother: the name that vouches for a client is proved by TLS.
func TestCertificateOfAnother(t *testing.T) {
	s := httptest.NewTLSServer(answer("application/json", "{}"))
	t.Cleanup(s.Close)
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
	}
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	c := &http.Client{Transport: &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	if _, err := fetcherOf(t, c).Fetch(t.Context(), "https://client.example.org/client.json"); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	if _, err := fetcherOf(t, c).Fetch(t.Context(), fmt.Sprintf("https://%s/client.json", "example.com")); err != nil {
		t.Error(err)
	}
}
