package web_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/web"
)

// A client must never take half an answer for a whole one.
func TestPanics(t *testing.T) {
	for _, c := range []struct {
		why     string
		handler http.HandlerFunc
		status  int // 0: the connection breaks
		logged  string
	}{
		{"nothing was sent yet, so there is room for an answer",
			func(http.ResponseWriter, *http.Request) { panic("secret cause") }, http.StatusInternalServerError, "secret cause"},
		{"a part was sent", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
			panic("secret cause")
		}, 0, "secret cause"},
		{"the handler breaks the connection itself",
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, "msg=request"},
	} {
		t.Run(c.why, func(t *testing.T) {
			var log bytes.Buffer
			srv := httptest.NewServer(web.Stack(slog.New(slog.NewTextHandler(&log, nil)), c.handler))
			res, err := http.Get(srv.URL)
			var body []byte
			if err == nil {
				body, err = io.ReadAll(res.Body)
				_ = res.Body.Close()
			}
			srv.Close() // the log is complete
			switch {
			case c.status == 0 && err == nil:
				t.Errorf("%d bytes arrived as a whole answer", len(body))
			case c.status != 0 && (err != nil || res.StatusCode != c.status || strings.Contains(string(body), "secret")):
				t.Errorf("got %v, %s", err, body)
			}
			if strings.Count(log.String(), "msg=request") != 1 || !strings.Contains(log.String(), c.logged) {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}

func TestWrongMethod(t *testing.T) {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodDelete, "/x", nil)
	web.WriteProblem(w, r, web.WrongMethod(w, r, "GET", "HEAD"))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" || !strings.Contains(w.Body.String(), string(problem.Method)) {
		t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "br": false, "gzip": true, "br, GZIP": true, "deflate, gzip;q=0.5": true, "gzip; q=1": true, "gzip ;q=0.001": true,
		"gzip;q=0": false, "gzip; q=0.000": false, "xgzip": false, "br;q=1, gzip;q=0, *": false,
	} {
		if got := web.AcceptsGzip(http.Header{"Accept-Encoding": {header}}); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

// A host that closes the quoted string could add parameters of its own.
func TestChallengeInjection(t *testing.T) {
	hosts, err := web.NewHosts("http://wikibot.localhost")
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = `a", error="x\.wikibot.localhost`
	if got, want := hosts.Challenge(r), `Bearer realm="a, error=x"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
