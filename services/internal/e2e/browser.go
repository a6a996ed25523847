package e2e

import (
	"context"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"time"

	"golang.org/x/net/publicsuffix"
)

// NewClient returns a client that shows redirects instead of following them and
// to which every .localhost name is this machine (RFC 6761, section 6.3),
// whatever the resolver says. A nil jar makes it a program without cookies.
func NewClient(jar http.CookieJar) *http.Client {
	dialer := new(net.Dialer)
	return &http.Client{
		Jar:           jar,
		Timeout:       60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(ctx, network, "127.0.0.1:"+port)
		}},
	}
}

// NewJar returns the cookies of a new browser.
func NewJar() (http.CookieJar, error) {
	jar, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		return nil, err
	}
	return secureOnLoopback{jar}, nil
}

// secureOnLoopback treats plain HTTP to this machine as secure, as browsers do.
type secureOnLoopback struct{ http.CookieJar }

func https(u *url.URL) *url.URL { v := *u; v.Scheme = "https"; return &v }

func (j secureOnLoopback) SetCookies(u *url.URL, cs []*http.Cookie) {
	j.CookieJar.SetCookies(https(u), cs)
}
func (j secureOnLoopback) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(https(u)) }
