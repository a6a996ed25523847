// Command visitor is a browser without a window or a person: it goes where a
// program sends it, signs in by the development form, answers the one question
// that it is asked, and follows the way back. The scripts give it to programs
// that open a browser.
//
//	visitor EMAIL USERNAME allow|deny ADDRESS
package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/html"

	"wikibot.io/services/internal/e2e"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: visitor EMAIL USERNAME allow|deny ADDRESS")
		os.Exit(2)
	}
	if err := visit(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "visitor:", err)
		os.Exit(1)
	}
}

// maxSteps is how many pages and redirects a sign-in takes at most.
const maxSteps = 20

func visit(email, username, decision, address string) error {
	jar, err := e2e.NewJar()
	if err != nil {
		return err
	}
	client := e2e.NewClient(jar)
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodGet, address, nil)
	for range maxSteps {
		if err != nil {
			return err
		}
		res, err2 := client.Do(req)
		if err2 != nil {
			return err2
		}
		page, err2 := html.Parse(io.LimitReader(res.Body, 1<<20))
		res.Body.Close()
		if err2 != nil {
			return err2
		}
		if to := res.Header.Get("Location"); to != "" {
			if at, err = at.Parse(to); err != nil {
				return err
			}
			req, err = http.NewRequest(http.MethodGet, at.String(), nil)
			continue
		}
		f := formOf(page)
		switch {
		case f == nil || res.StatusCode != http.StatusOK:
			return nil // the end of the way, whatever it says
		case f.values.Has("email"):
			f.values.Set("email", email)
			f.values.Set("username", username)
		case f.values.Has("ticket"):
			f.values.Set("decision", decision)
		default:
			return errors.New("a form of which nothing is known")
		}
		req, err = f.post(at)
		at = req.URL
	}
	return errors.New("it goes on and on")
}

// form is the one form of a page, as it would be sent untouched.
type form struct {
	action string
	values url.Values
}

func formOf(n *html.Node) *form {
	var f *form
	for n := range n.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" && strings.EqualFold(attribute(n, "method"), "post") {
			f = &form{action: attribute(n, "action"), values: url.Values{}}
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

func (f *form) post(at *url.URL) (*http.Request, error) {
	to, err := at.Parse(f.action)
	if err != nil {
		return nil, err
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
