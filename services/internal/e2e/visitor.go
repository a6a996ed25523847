package e2e

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Visitor is a browser without a window: it goes where a program sends it, signs
// in by the development form, answers the one question that it is asked, and
// follows the way back.
type Visitor struct {
	Email, Username string // for the development form
	Decision        string // "allow" or "deny"
	Rights          string // of an agent: "read" or "write"; "" leaves what is offered
	Code            string // that is typed where one is asked for
	// Home keeps the browser at a site and its wikis: an address elsewhere is where
	// the visit ends, and is not opened. "" lets it go anywhere.
	Home string
	// Client is the browser, with its cookies; nil for a new one.
	Client *http.Client
}

// maxSteps is how many pages and redirects a sign-in takes at most.
const maxSteps = 20

// Visit opens an address and returns the one of the page that it ended on,
// whatever that page says.
func (v Visitor) Visit(address string) (*url.URL, error) {
	client := v.Client
	if client == nil {
		jar, err := NewJar()
		if err != nil {
			return nil, err
		}
		client = NewClient(jar)
	}
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	for range maxSteps {
		next, err := v.step(client, req)
		if err != nil || next == nil {
			return req.URL, err
		}
		if v.Home != "" && next.URL.Host != v.Home && !strings.HasSuffix(next.URL.Host, "."+v.Home) {
			return next.URL, nil
		}
		req = next
	}
	return nil, errors.New("visit " + address + ": it goes on and on")
}

// step sends a request and returns the one that follows from the answer, nil if
// none does.
func (v Visitor) step(client *http.Client, req *http.Request) (*http.Request, error) {
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if to := res.Header.Get("Location"); to != "" {
		at, err := req.URL.Parse(to)
		if err != nil {
			return nil, err
		}
		return http.NewRequest(http.MethodGet, at.String(), nil)
	}
	page, err := html.Parse(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	f := formOf(page)
	if f == nil || res.StatusCode != http.StatusOK {
		return nil, nil
	}
	if err := v.fill(f); err != nil {
		return nil, err
	}
	return f.send(req.URL)
}

// fill puts in what a person would.
func (v Visitor) fill(f *form) error {
	switch {
	case f.values.Has("email"):
		f.values.Set("email", v.Email)
		f.values.Set("username", v.Username)
	case f.values.Has("ticket"):
		f.values.Set("decision", v.Decision)
		if v.Rights != "" {
			f.values.Set("rights", v.Rights)
		}
	case f.values.Has("username"): // at a provider of the tests, or of somebody new
		f.values.Set("username", v.Username)
	case f.values.Has("user_code"):
		f.values.Set("user_code", v.Code)
	default:
		return errors.New("a form of which nothing is known")
	}
	return nil
}

// form is the one form of a page, as it would be sent untouched.
type form struct {
	post   bool
	action string
	values url.Values
}

func formOf(n *html.Node) *form {
	var f *form
	for n := range n.Descendants() {
		if n.Data == "form" {
			f = &form{post: strings.EqualFold(attribute(n, "method"), "post"), action: attribute(n, "action"), values: url.Values{}}
		}
		if f == nil || n.Data != "input" || attribute(n, "name") == "" {
			continue
		}
		if _, chosen := find(n, "checked"); chosen || attribute(n, "type") != "radio" && attribute(n, "type") != "checkbox" {
			f.values.Set(attribute(n, "name"), attribute(n, "value"))
		}
	}
	return f
}

func (f *form) send(at *url.URL) (*http.Request, error) {
	to, err := at.Parse(f.action)
	if err != nil {
		return nil, err
	}
	if !f.post {
		to.RawQuery = f.values.Encode()
		return http.NewRequest(http.MethodGet, to.String(), nil)
	}
	req, err := http.NewRequest(http.MethodPost, to.String(), strings.NewReader(f.values.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", to.Scheme+"://"+to.Host) // as the page's own form would
	return req, nil
}

func attribute(n *html.Node, name string) string {
	value, _ := find(n, name)
	return value
}

func find(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}
