package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/rest"
	"wikibot.io/pkg/web"
)

const maxBody = 200

type thing struct {
	Name string `json:"name"`
	Size int    `json:"size" minimum:"1"`
}

type input struct {
	ID    string `path:"id" maxLength:"8"`
	Limit int    `query:"limit" minimum:"1" default:"1"`
	Body  thing
}

type output struct{ Body thing }

// door is an API of one operation, which fails as it is told.
func door(t *testing.T, fails error) (http.Handler, *rest.API) {
	t.Helper()
	r := chi.NewRouter()
	r.Use(rest.NoStore)
	r.NotFound(rest.NotFound("the thing API has no such path"))
	r.MethodNotAllowed(rest.WrongMethod)
	api := rest.New(r, rest.Config{Title: "things", Version: "1.0.0", MaxBody: maxBody})
	rest.Register(api, huma.Operation{OperationID: "putThing", Method: http.MethodPut, Path: "/things/{id}"},
		func(_ context.Context, in *input) (*output, error) {
			if fails != nil {
				return nil, fails
			}
			return &output{in.Body}, nil
		})
	api.Seal()
	return web.Stack(slog.New(slog.DiscardHandler), r), api
}

func put(t *testing.T, h http.Handler, method, path, contentType, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	rw := httptest.NewRecorder()
	h.ServeHTTP(rw, r)
	return rw
}

func problemOf(t *testing.T, rw *httptest.ResponseRecorder) problem.Problem {
	t.Helper()
	var p problem.Problem
	if err := json.Unmarshal(rw.Body.Bytes(), &p); err != nil {
		t.Fatalf("%d %s: %v", rw.Code, rw.Body, err)
	}
	if ct := rw.Header().Get("Content-Type"); ct != problem.MediaType {
		t.Errorf("content type %q", ct)
	}
	if p.Status != rw.Code || p.Instance == "" || p.Error == "" || strings.Contains(rw.Body.String(), "$schema") {
		t.Errorf("status %d with %s", rw.Code, rw.Body)
	}
	return p
}

// TestErrorsOfOperations: whatever an operation fails with is told as everywhere
// else, and what nobody foresaw is hidden.
func TestErrorsOfOperations(t *testing.T) {
	for _, c := range []struct {
		fails  error
		status int
		detail string
		retry  string
	}{
		{fault.New(fault.NotFound, "open thing x: there is none"), 404, "open thing x: there is none", ""},
		{fault.Invalidf("name", "is taken"), 422, "name: is taken", ""},
		{&fault.Error{Kind: fault.TooMany, Msg: "make thing: too often", RetryAfter: 1500 * time.Millisecond}, 429, "make thing: too often", "2"},
		{fault.New(fault.Unavailable, "make thing: later"), 503, "make thing: later", "2"},
		{errors.New("secret of the database"), 500, "", ""},
	} {
		h, _ := door(t, c.fails)
		rw := put(t, h, http.MethodPut, "/things/1", "application/json", `{"name":"x","size":1}`)
		if p := problemOf(t, rw); rw.Code != c.status || p.Detail != c.detail || rw.Header().Get("Retry-After") != c.retry {
			t.Errorf("%v: %d %+v, retry after %q", c.fails, rw.Code, p, rw.Header().Get("Retry-After"))
		}
		if strings.Contains(rw.Body.String(), "secret") {
			t.Errorf("%s shows what was not foreseen", rw.Body)
		}
	}
}

// TestMalformedRequests: what the library finds is told in our words, all of it at
// once.
func TestMalformedRequests(t *testing.T) {
	h, _ := door(t, nil)
	for _, c := range []struct {
		why, method, path, contentType, body string
		status                               int
		fields                               string
	}{
		{"fine", http.MethodPut, "/things/1", "application/json", `{"name":"x","size":1}`, 200, ""},
		{"all wrong at once", http.MethodPut, "/things/123456789?limit=0", "application/json", `{"size":0}`, 422, "id,limit,name,size"},
		{"of another type", http.MethodPut, "/things/1", "application/json", `{"name":1,"size":"x"}`, 422, "name,size"},
		{"no JSON", http.MethodPut, "/things/1", "application/json", `{"name"`, 400, ""},
		{"half a character", http.MethodPut, "/things/1", "application/json", `{"name":"\ud800","size":1}`, 400, ""},
		{"a form", http.MethodPut, "/things/1", "application/x-www-form-urlencoded", `name=x`, 415, ""},
		{"too large", http.MethodPut, "/things/1", "application/json", `{"name":"` + strings.Repeat("x", maxBody) + `"}`, 413, ""},
		{"nothing", http.MethodPut, "/things/1", "application/json", ``, 400, ""},
		{"no such path", http.MethodPut, "/thing", "application/json", ``, 404, ""},
		{"no such method", http.MethodDelete, "/things/1", "application/json", ``, 405, ""},
	} {
		rw := put(t, h, c.method, c.path, c.contentType, c.body)
		if rw.Code != c.status || rw.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: status %d, want %d: %s", c.why, rw.Code, c.status, rw.Body)
			continue
		}
		if c.status == http.StatusOK {
			continue
		}
		var fields []string
		for _, f := range problemOf(t, rw).Errors {
			fields = append(fields, f.Field)
		}
		for _, want := range strings.Split(c.fields, ",") {
			if !strings.Contains(","+strings.Join(fields, ",")+",", ","+want+",") && want != "" {
				t.Errorf("%s: fields %v, want %s", c.why, fields, c.fields)
			}
		}
		if c.status == http.StatusMethodNotAllowed && rw.Header().Get("Allow") != "PUT" {
			t.Errorf("Allow: %q", rw.Header().Get("Allow"))
		}
	}
}

// TestDescribe: the description holds one error, ours, and comes out the same each
// time.
func TestDescribe(t *testing.T) {
	_, api := door(t, nil)
	first, err := api.Describe()
	if err != nil {
		t.Fatal(err)
	}
	again, err := api.Describe()
	if err != nil || string(first) != string(again) {
		t.Errorf("two descriptions differ, %v", err)
	}
	for _, not := range []string{"ErrorModel", "ErrorDetail", "$schema"} {
		if strings.Contains(string(first), not) {
			t.Errorf("the description holds %s", not)
		}
	}
	if !strings.Contains(string(first), problem.MediaType) || !strings.HasSuffix(string(first), "}\n") {
		t.Errorf("the description: %s", first)
	}
}
