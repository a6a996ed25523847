// Command visitor is a browser without a window or a person: it goes where a
// program sends it, signs in by the development form, answers the one question
// that it is asked, and follows the way back. The scripts give it to programs
// that open a browser.
//
//	visitor EMAIL USERNAME allow|deny ADDRESS [CODE]
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
	v := visitor{}
	switch args := os.Args[1:]; len(args) {
	case 5:
		v.code = args[4]
		fallthrough
	case 4:
		v.email, v.username, v.decision, v.address = args[0], args[1], args[2], args[3]
	default:
		fmt.Fprintln(os.Stderr, "usage: visitor EMAIL USERNAME allow|deny ADDRESS [CODE]")
		os.Exit(2)
	}
	if err := v.visit(); err != nil {
		fmt.Fprintln(os.Stderr, "visitor:", err)
		os.Exit(1)
	}
}

// maxSteps is how many pages and redirects a sign-in takes at most.
const maxSteps = 20

// visitor is who goes where, to say what.
type visitor struct {
	email, username string // of the development form
	decision        string // about what is asked
	address         string
	code            string // that is typed where one is asked for
}

func (v visitor) visit() error {
	jar, err := e2e.NewJar()
	if err != nil {
		return err
	}
	client := e2e.NewClient(jar)
	at, err := url.Parse(v.address)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodGet, v.address, nil)
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
		if f == nil || res.StatusCode != http.StatusOK {
			return nil // the end of the way, whatever it says
		}
		if err := v.fill(f); err != nil {
			return err
		}
		req, err = f.send(at)
		at = req.URL
	}
	return errors.New("it goes on and on")
}

// fill puts in what a person would.
func (v visitor) fill(f *form) error {
	switch {
	case f.values.Has("email"):
		f.values.Set("email", v.email)
		f.values.Set("username", v.username)
	case f.values.Has("ticket"):
		f.values.Set("decision", v.decision)
	case f.values.Has("user_code"):
		f.values.Set("user_code", v.code)
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
