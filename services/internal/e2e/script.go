package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

type scriptKey struct{}

// script is the state of one running script.
type script struct {
	env      *testscript.Env
	start    func(Place) (Fleet, error)
	fleet    Fleet // nil while none is up
	baseURL  string
	browsers map[string]http.CookieJar
	client   *http.Client
	last     []byte // body of the last http
}

func newScript(env *testscript.Env, start func(Place) (Fleet, error)) *script {
	return &script{env: env, start: start, browsers: map[string]http.CookieJar{}, client: NewClient(nil)}
}

func command(f func(*script, *testscript.TestScript, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		s := ts.Value(scriptKey{}).(*script)
		err := f(s, ts, args)
		if err != nil && !neg {
			ts.Fatalf("%v", err)
		}
		if err == nil && neg {
			ts.Fatalf("succeeded, but should not have")
		}
	}
}

func (s *script) up(ts *testscript.TestScript, _ []string) error {
	if s.fleet != nil {
		return errors.New("the fleet is up already")
	}
	fleet, err := s.start(Place{Dir: s.env.WorkDir, Env: s.env.Vars, URL: s.baseURL})
	if err != nil {
		return err
	}
	s.fleet = fleet
	if s.baseURL != "" && fleet.URL() != s.baseURL {
		return fmt.Errorf("the fleet serves at %s now, but was at %s", fleet.URL(), s.baseURL)
	}
	s.baseURL = fleet.URL()
	u, err := url.Parse(s.baseURL)
	if err != nil {
		return err
	}
	ts.Setenv("URL", s.baseURL)
	ts.Setenv("HOST", u.Host)
	return nil
}

func (s *script) down(*testscript.TestScript, []string) error {
	if s.fleet == nil {
		return errors.New("no fleet is up")
	}
	err := s.fleet.Stop()
	s.fleet = nil
	return err
}

func (s *script) crash(*testscript.TestScript, []string) error {
	fleet, ok := s.fleet.(Crasher)
	if !ok {
		return fmt.Errorf("a %T cannot be made to crash: leave this script out", s.fleet)
	}
	err := fleet.Crash()
	s.fleet = nil
	return err
}

func (s *script) close() {
	switch fleet := s.fleet.(type) {
	case nil:
	case Crasher:
		fleet.Crash()
	default:
		fleet.Stop()
	}
}

func (s *script) as(_ *testscript.TestScript, args []string) error {
	if len(args) == 0 {
		s.client.Jar = nil
		return nil
	}
	if s.browsers[args[0]] == nil {
		jar, err := NewJar()
		if err != nil {
			return err
		}
		s.browsers[args[0]] = jar
	}
	s.client.Jar = s.browsers[args[0]]
	return nil
}

func (s *script) signin(ts *testscript.TestScript, args []string) error {
	form := url.Values{"email": {args[0]}, "username": {args[1]}}
	res, err := s.do(ts, http.MethodPost, s.baseURL+"/auth/login", http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {s.baseURL},
	}, []byte(form.Encode()))
	if err == nil && res.StatusCode != http.StatusSeeOther {
		err = fmt.Errorf("sign in: %s", res.Status)
	}
	return err
}

func (s *script) http(ts *testscript.TestScript, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: http METHOD URL [header:value…] [body]")
	}
	method, target, rest := args[0], args[1], args[2:]
	header := http.Header{}
	var body []byte
	for i, arg := range rest {
		k, v, ok := strings.Cut(arg, ":")
		if ok && !strings.ContainsAny(k, " {@=") {
			header.Set(k, strings.TrimSpace(v))
			continue
		}
		if i != len(rest)-1 {
			return fmt.Errorf("%q is no header, and the body comes last", arg)
		}
		body = []byte(arg)
		if name, ok := strings.CutPrefix(arg, "@"); ok {
			body = []byte(ts.ReadFile(name))
		}
	}
	if s.client.Jar != nil && method != http.MethodGet && header.Get("Origin") == "" {
		u, err := url.Parse(target)
		if err != nil {
			return err
		}
		header.Set("Origin", u.Scheme+"://"+u.Host) // as the page's own form would
	}
	_, err := s.do(ts, method, target, header, body)
	return err
}

func (s *script) do(ts *testscript.TestScript, method, target string, header http.Header, body []byte) (*http.Response, error) {
	req, err := http.NewRequest(method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if header.Get("Host") != "" {
		req.Host = header.Get("Host")
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	s.last, err = io.ReadAll(res.Body)
	fmt.Fprintf(ts.Stdout(), "%s\n", res.Status)
	res.Header.Write(ts.Stdout())
	fmt.Fprintf(ts.Stdout(), "\n%s\n", s.last)
	return res, err
}

func (s *script) setjson(ts *testscript.TestScript, args []string) error {
	text := s.last
	if len(args) == 3 {
		text = []byte(ts.ReadFile(args[2]))
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("%v in %q", err, text)
	}
	v, ok := m[args[1]]
	if !ok {
		return fmt.Errorf("no %q in %q", args[1], text)
	}
	ts.Setenv(args[0], fmt.Sprint(v))
	return nil
}
