package wikibot_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/publicsuffix"
)

// The scripts drive the built binary with the real git, as owner, as agent and
// as attacker. Besides testscript's own commands they have:
//
//	up                       start the server on $WORK/data; sets $URL and $HOST
//	down                     stop it as an operator would
//	crash                    kill it at once, as a power failure would
//	http METHOD URL [k:v…] [@file | text]
//	                         one request; prints the status line and the body.
//	                         A "k:v" before the body is a header.
//	as NAME                  use that browser (cookie jar) from now on
//	signin EMAIL USERNAME    sign in with it
//	setjson VAR KEY          set a variable from a member of the last output
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Fatal("the end-to-end scripts have no short form")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			s := newScript(env)
			env.Values[scriptKey{}] = s
			env.Defer(s.close)
			env.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(env.WorkDir, "gitconfig"))
			env.Setenv("GIT_TERMINAL_PROMPT", "0")
			env.Setenv("HOME", env.WorkDir)
			return os.WriteFile(filepath.Join(env.WorkDir, "gitconfig"), []byte("[user]\n\tname = Script\n\temail = script@example.org\n[init]\n\tdefaultBranch = main\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"up":      command((*script).up),
			"down":    command((*script).down),
			"crash":   command((*script).crash),
			"http":    command((*script).http),
			"as":      command((*script).as),
			"signin":  command((*script).signin),
			"setjson": command((*script).setjson),
		},
	})
}

type scriptKey struct{}

// script is the state of one running script.
type script struct {
	env     *testscript.Env
	server  *exec.Cmd
	log     bytes.Buffer
	jars    map[string]http.CookieJar
	who     string
	client  *http.Client
	baseURL string
	last    []byte // body of the last http
}

func newScript(env *testscript.Env) *script {
	s := &script{env: env, jars: map[string]http.CookieJar{}}
	dialer := new(net.Dialer)
	s.client = &http.Client{
		Timeout:       60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		// Every .localhost name is this machine (RFC 6761), whatever the resolver says.
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(ctx, network, "127.0.0.1:"+port)
		}},
	}
	return s
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

func (s *script) up(ts *testscript.TestScript, args []string) error {
	listen := "127.0.0.1:0"
	if s.baseURL != "" { // again, after down or crash: where it was
		u, err := url.Parse(s.baseURL)
		if err != nil {
			return err
		}
		listen = "127.0.0.1:" + u.Port()
	}
	bin, err := exec.LookPath("wikibot")
	if err != nil {
		return err
	}
	cmd := exec.Command(bin, append([]string{"serve", "--data", filepath.Join(s.env.WorkDir, "data"), "--listen", listen}, args...)...)
	cmd.Env = s.env.Vars
	cmd.Stderr = &s.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.server = cmd
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Wait()
		return fmt.Errorf("the server did not start: %v\n%s", err, s.log.String())
	}
	s.baseURL = strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(line, "wikibot serves at ")), "/")
	ts.Setenv("URL", s.baseURL)
	ts.Setenv("HOST", strings.TrimPrefix(s.baseURL, "http://"))
	return nil
}

func (s *script) down(ts *testscript.TestScript, _ []string) error {
	if err := s.server.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	err := s.server.Wait()
	s.server = nil
	return err
}

func (s *script) crash(*testscript.TestScript, []string) error {
	if err := s.server.Process.Kill(); err != nil {
		return err
	}
	s.server.Wait()
	s.server = nil
	return nil
}

func (s *script) close() {
	if s.server != nil {
		s.server.Process.Kill()
		s.server.Wait()
	}
}

func (s *script) as(_ *testscript.TestScript, args []string) error {
	s.who = args[0]
	if s.jars[s.who] == nil {
		jar, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
		if err != nil {
			return err
		}
		s.jars[s.who] = secureOnLoopback{jar}
	}
	s.client.Jar = s.jars[s.who]
	return nil
}

// secureOnLoopback treats plain HTTP to this machine as secure, as browsers do.
type secureOnLoopback struct{ http.CookieJar }

func https(u *url.URL) *url.URL { v := *u; v.Scheme = "https"; return &v }

func (j secureOnLoopback) SetCookies(u *url.URL, cs []*http.Cookie) {
	j.CookieJar.SetCookies(https(u), cs)
}
func (j secureOnLoopback) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(https(u)) }

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
		return fmt.Errorf("usage: http METHOD URL [header:value…] [body]")
	}
	method, target, rest := args[0], args[1], args[2:]
	header := http.Header{}
	var body []byte
	for i, arg := range rest {
		k, v, ok := strings.Cut(arg, ":")
		if ok && !strings.ContainsAny(k, " {@") {
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
