package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/wiki/wikitest"
	"wikibot.io/services/wiki/internal/api"
)

// door is the API on a real engine behind the whole stack, with one private
// wiki, "docs", and a token of its owner.
type door struct {
	*wikitest.Doors
	handler http.Handler
	wiki    records.Wiki
	token   string
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := wikitest.NewDoors(t)
	h, err := api.New(api.Deps{Engine: d.Engine, Gate: d.Gate, Hosts: d.Hosts, Log: d.Log})
	if err != nil {
		t.Fatal(err)
	}
	w := d.Wiki(t, "docs")
	return &door{d, d.Wrap(h), w, d.Token(t, w, records.Editor, time.Time{})}
}

// answer is a response with its body decoded.
type answer struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// send sends a request to the wiki docs; in is sent as JSON unless it is a string.
func (d *door) send(t *testing.T, method, path string, in any, header ...string) answer {
	t.Helper()
	return d.sendTo(t, "docs", method, path, in, append([]string{"Authorization", "Bearer " + d.token}, header...)...)
}

func (d *door) sendTo(t *testing.T, slug, method, path string, in any, header ...string) answer {
	t.Helper()
	var r io.Reader
	switch b := in.(type) {
	case nil:
	case body:
		if b != nil {
			r = jsonOf(t, b)
		}
	case string:
		r = strings.NewReader(b)
	default:
		r = jsonOf(t, b)
	}
	req := httptest.NewRequest(method, "http://"+slug+".wikibot.localhost"+api.Prefix+path, r)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, req)
	a := answer{status: w.Code, header: w.Header(), raw: w.Body.String()}
	if a.raw != "" && method != http.MethodHead {
		if err := json.Unmarshal([]byte(a.raw), &a.body); err != nil {
			t.Fatalf("%s %s: %d, no JSON: %q", method, path, a.status, a.raw)
		}
	}
	return a
}

func jsonOf(t *testing.T, v any) io.Reader {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(raw)
}

// want checks the status, and for errors that both vocabularies are spoken.
func (a answer) want(t *testing.T, status int, holds ...string) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.raw)
	}
	if status >= 400 {
		if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("content type %q", ct)
		}
		if s, _ := a.body["error"].(string); s == "" || a.body["status"] != float64(status) {
			t.Errorf("not both a problem and an {error}: %s", a.raw)
		}
	}
	for _, s := range holds {
		if !strings.Contains(a.raw, s) {
			t.Errorf("answer lacks %q: %s", s, a.raw)
		}
	}
	return a
}

func (a answer) str(name string) string { s, _ := a.body[name].(string); return s }

type body = map[string]any
