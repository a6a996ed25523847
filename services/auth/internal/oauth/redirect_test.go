package oauth

import (
	"net/url"
	"strings"
	"testing"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

func TestRedirectsThatMayBeRegistered(t *testing.T) {
	for _, ok := range []string{
		"https://claude.ai/api/mcp/auth_callback", "https://example.com:8443/cb?x=1", "https://xn--bcher-kva.example/cb", "https://localhost:3000/cb", "https://[2606:4700::1]/cb",
		"http://localhost:1234/callback", "http://localhost/callback", "http://127.0.0.1/", "http://127.0.0.1:9", "http://[::1]:80/cb", "HTTP://LOCALHOST/cb",
		"cursor://anysphere.cursor-mcp/oauth/callback", "vscode://x/y", "com.example.app:/oauth", "com.example.app:cb", "https://example.com/a;b=c",
	} {
		if err := checkRedirect(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{
		"", "/callback", "//example.com/cb", "example.com", "http://example.com/cb", "http://127.0.0.1.example.com/", "http://localhost.example.com/", "http://127.0.0.2/cb",
		"http://[::2]/", "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/cb", "http://localhost:/cb", "https:", "https:///cb", "https://", "https:example.com",
		"https://example.com/cb#f", "https://example.com/cb#", "https://u@example.com/", "http://u:p@localhost/", "https://example.com@evil.org/", "https://exa mple.com/",
		"https://example.com/\r\nSet-Cookie:x=y", "https://example.com/\x00", "https://example.com\\@evil.org/", "https://ex\u00e4mple.com/", "https://a;script-src/x", "https://*/cb", "https://*.example.com/cb",
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://x/y", "about:blank", "ws://x/", "wss://x/",
		"ftp://x/", "mailto:a@b.c", "view-source:https://x", "ms-msdt:/id", "search-ms:query=x", "intent://x#Intent;end", "https://example.com/<script>", "https://" + strings.Repeat("a", 2000),
	} {
		if checkRedirect(bad) == nil {
			t.Errorf("%q: taken", bad)
		}
	}
}

func TestRedirectsMatch(t *testing.T) {
	for _, c := range []struct {
		why, registered, given string
		want                   bool
	}{
		{"the same", "https://a.example/cb", "https://a.example/cb", true},
		{"another path", "https://a.example/cb", "https://a.example/cb2", false},
		{"a path below", "https://a.example/cb", "https://a.example/cb/../evil", false},
		{"a query more", "https://a.example/cb", "https://a.example/cb?x=1", false},
		{"another port, not on the own computer", "https://a.example/cb", "https://a.example:444/cb", false},
		{"only case differs", "https://a.example/cb", "https://A.example/cb", false},
		{"a slash more", "https://a.example/cb", "https://a.example/cb/", false},
		{"Claude Code, document without port", "http://localhost/callback", "http://localhost:52430/callback", true},
		{"registered with another port", "http://localhost:1/callback", "http://localhost:2/callback", true},
		{"registered with a port, asked without", "http://127.0.0.1:1/cb", "http://127.0.0.1/cb", true},
		{"IPv6", "http://[::1]/cb", "http://[::1]:8080/cb", true},
		{"name for number", "http://127.0.0.1/cb", "http://localhost/cb", false},
		{"number for name", "http://localhost/cb", "http://127.0.0.1:5/cb", false},
		{"one number for another", "http://127.0.0.1/cb", "http://[::1]/cb", false},
		{"another path on the own computer", "http://localhost/cb", "http://localhost:1/evil", false},
		{"a query on the own computer", "http://localhost/cb", "http://localhost:1/cb?x=y", false},
		{"https is no loopback", "https://localhost:1/cb", "https://localhost:2/cb", false},
		{"look-alike", "http://localhost/cb", "http://localhost:1@evil.example/cb", false},
		{"look-alike with dots", "http://localhost/cb", "http://localhost.evil.example/cb", false},
		{"encoded path", "http://localhost/c%62", "http://localhost:1/cb", false},
		{"app", "cursor://a/b", "cursor://a/b", true},
		{"app, another host", "cursor://a/b", "cursor://c/b", false},
	} {
		if got := matchRedirect(c.registered, c.given); got != c.want {
			t.Errorf("%s: %s for %s is %t", c.why, c.given, c.registered, got)
		}
	}
}

func TestAnswerIsAdded(t *testing.T) {
	for redirect, want := range map[string]string{
		"https://a.example/cb": "https://a.example/cb?code=x", "https://a.example/cb?t=1": "https://a.example/cb?t=1&code=x",
		"cursor://a/b": "cursor://a/b?code=x", "com.example.app:cb": "com.example.app:cb?code=x",
	} {
		if got := withAnswer(redirect, url.Values{"code": {"x"}}); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestFormSources: what is put into a header is nothing but sources.
func TestFormSources(t *testing.T) {
	for redirect, want := range map[string]string{
		"https://a.example:8443/cb?x=y": "https:", "http://localhost:1/cb": "http://localhost:1 https:", "http://[::1]:1/cb": "http: https:",
		"cursor://a/b": "cursor: https:", "com.example.app:/x": "com.example.app: https:",
	} {
		if got := strings.Join(formSources(redirect), " "); got != want {
			t.Errorf("%s for %s, want %s", got, redirect, want)
		}
	}
}

func FuzzRedirect(f *testing.F) {
	for _, seed := range []string{"https://a.example/cb?x=1", "http://[::1]:1/", "cursor://a", "a.b:c", "http://localhost:1@x/"} {
		f.Add(seed, "http://localhost/cb")
	}
	f.Fuzz(func(t *testing.T, given, registered string) {
		if checkRedirect(given) != nil {
			if given != registered && matchRedirect(registered, given) {
				t.Errorf("%q matches %q and may not be used", given, registered)
			}
			return
		}
		for _, source := range formSources(given) {
			if strings.ContainsAny(source, " ;,'\"*\r\n\t") || source == "" {
				t.Errorf("source %q of %q", source, given)
			}
		}
		full := withAnswer(given, url.Values{"state": {"\r\n#\x00"}})
		u, err := url.Parse(full)
		if err != nil || u.Fragment != "" || strings.ContainsAny(full, "\r\n\x00") {
			t.Errorf("answer %q: %v", full, err)
		}
		if matchRedirect(registered, given) && checkRedirect(registered) == nil && given != registered {
			r, err := url.Parse(registered)
			if err != nil || loopback(r) == "" || loopback(r) != loopback(u) {
				t.Errorf("%q matches %q", given, registered)
			}
		}
	})
}

func TestResources(t *testing.T) {
	for _, site := range []string{"https://wikibot.io", "http://wikibot.localhost:8080"} {
		hosts, err := web.NewHosts(site)
		if err != nil {
			t.Fatal(err)
		}
		scheme, host, _ := strings.Cut(site, "://")
		for _, ok := range []string{"ada." + host + "/mcp", "ada." + host + "/mcp/", "ada." + host, "ada." + host + "/", "ADA." + strings.ToUpper(host) + "/mcp"} {
			slug, got, ok2 := wikiOf(hosts, scheme+"://"+ok)
			if !ok2 || slug != "ada" || got != scheme+"://ada."+host+"/mcp" {
				t.Errorf("%s: %q %q %t", ok, slug, got, ok2)
			}
		}
		for _, bad := range []string{
			"", "ada", "https://ada.example.com/mcp", scheme + "://" + host + "/mcp", scheme + "://ada." + host + "/mcp?x=y", scheme + "://ada." + host + "/mcp#x", scheme + "://ada." + host + "/api",
			scheme + "://u@ada." + host + "/mcp", scheme + "://a.b." + host + "/mcp", "ftp://ada." + host + "/mcp", scheme + "://ada." + host + ".evil.example/mcp", scheme + "://ada." + host + ":1/mcp",
			scheme + "://ada." + host + "/mcp/../api", scheme + "://ada." + host + "/MCP", scheme + "://ada." + host + "/mc%70", scheme + "://ada." + host + "./mcp",
		} {
			if slug, got, ok := wikiOf(hosts, bad); ok {
				t.Errorf("%q: taken as %q %q", bad, slug, got)
			}
		}
	}
	hosts, err := web.NewHosts("https://wikibot.io")
	if err != nil {
		t.Fatal(err)
	}
	if _, got, ok := wikiOf(hosts, "HTTPS://ada.wikibot.io:443/mcp"); !ok || got != "https://ada.wikibot.io/mcp" {
		t.Errorf("the scheme's own port: %q %t", got, ok)
	}
	if !isRoot(hosts, "https://wikibot.io/") || isRoot(hosts, "https://ada.wikibot.io/") || isRoot(hosts, "https://wikibot.io/app") {
		t.Error("the root is not told")
	}
}

func TestScopesAsked(t *testing.T) {
	for _, c := range []struct {
		why, scope string
		want       records.Role
		refused    bool
	}{
		{"none: all that is offered", "", records.Editor, false},
		{"read", "wiki:read", records.Viewer, false},
		{"both", "wiki:read wiki:write", records.Editor, false},
		{"who writes may read", "wiki:write", records.Editor, false},
		{"by habit alone", "openid offline_access", records.Editor, false},
		{"habit beside ours", "offline_access wiki:read", records.Viewer, false},
		{"foreign beside ours", "mail wiki:read", records.Viewer, false},
		{"foreign alone", "mail", "", true},
		{"the command line's", "account", "", true},
		{"look-alike", "wiki:admin", "", true},
	} {
		got, err := roleAsked(c.scope)
		if got != c.want || (err != nil) != c.refused {
			t.Errorf("%s: %q, %v", c.why, got, err)
		}
	}
}

func TestNamesAreOneLineOfText(t *testing.T) {
	for said, want := range map[string]string{
		" Claude \n Code ": "Claude Code", "a\x00b\u202ec\u200bd": "a b c d", "\u2066x\u2069": "x", "x\ufeff": "x", "": "", "\u3164\u115f": "",
		"Claude”, checked by us, “": "Claude', checked by us, '", `"a" «b» „c‟ ＂`: "'a' 'b' 'c' '", "l'agent": "l'agent",
		"Ze\u0301\u0301\u0301\u0301\u0301\u0301us": "Ze\u0301\u0301us", "हिन्दी": "हिन्दी", "ไม้เอก": "ไม้เอก",
		strings.Repeat("ä", 70): strings.Repeat("ä", 59) + "…", "bad\xffutf8": "bad utf8", "Ünïcode 日本": "Ünïcode 日本",
	} {
		if got := cleanName(said); got != want {
			t.Errorf("%q is %q, want %q", said, got, want)
		}
	}
}

func TestUserCodes(t *testing.T) {
	code := newUserCode()
	if len(code) != 9 || code[4] != '-' || readUserCode(code) != code[:4]+code[5:] {
		t.Errorf("code %q", code)
	}
	for _, typed := range []string{"bcdf-ghjk", "BCDF GHJK", " bcdfghjk ", "BCDF–GHJK"} {
		if got := readUserCode(typed); got != "BCDFGHJK" {
			t.Errorf("%q is read as %q", typed, got)
		}
	}
}
