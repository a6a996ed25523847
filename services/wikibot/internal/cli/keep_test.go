package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKeepsThatAreRefused(t *testing.T) {
	const good = `{"servers":{"https://a.example":{"token":"wbp_x"}}}`
	for _, c := range []struct {
		why  string
		make func(path string) error
		says string // "" if it is read
	}{
		{"as we write it", func(p string) error { return os.WriteFile(p, []byte(good), 0o600) }, ""},
		{"read-only", func(p string) error { return os.WriteFile(p, []byte(good), 0o400) }, ""},
		{"the group can read it", func(p string) error { return os.WriteFile(p, []byte(good), 0o640) }, "chmod 600"},
		{"everybody can read it", func(p string) error { return os.WriteFile(p, []byte(good), 0o604) }, "chmod 600"},
		{"the group can write it", func(p string) error { os.WriteFile(p, []byte(good), 0o600); return os.Chmod(p, 0o620) }, "chmod 600"},
		{"a link to somewhere else", func(p string) error {
			os.WriteFile(p+".elsewhere", []byte(good), 0o600)
			return os.Symlink(p+".elsewhere", p)
		}, "no plain file"},
		{"a folder", func(p string) error { return os.Mkdir(p, 0o700) }, "no plain file"},
		{"half of it", func(p string) error { return os.WriteFile(p, []byte(good[:20]), 0o600) }, "damaged"},
		{"empty", func(p string) error { return os.WriteFile(p, nil, 0o600) }, "damaged"},
	} {
		k := Keep{filepath.Join(t.TempDir(), "credentials.json")}
		if err := c.make(k.path); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(k.path)
		kept, ok, err := k.Get("https://a.example")
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || ok != (err == nil) || ok && kept.Token != "wbp_x" {
			t.Errorf("%s: %+v %v %v, want %q", c.why, kept, ok, err, c.says)
		}
		if c.says == "" {
			continue
		}
		if err := k.Put("https://b.example", Kept{Token: "y"}); err == nil {
			t.Errorf("%s: written over", c.why)
		}
		if after, _ := os.ReadFile(k.path); string(after) != string(before) {
			t.Errorf("%s: changed", c.why)
		}
	}
}

// A folder that was open before is closed with the first token.
func TestTheFolderIsClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wikibot")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	k := Keep{filepath.Join(dir, "credentials.json")}
	if err := k.Put("https://a.example", Kept{Token: "x"}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestParseServer(t *testing.T) {
	for raw, want := range map[string]string{
		"https://wikibot.io": "https://wikibot.io", "https://WikiBot.io/": "https://wikibot.io", "wikibot.io": "https://wikibot.io",
		"https://wikibot.io:443": "https://wikibot.io", "https://wiki.example:8443": "https://wiki.example:8443",
		"http://wikibot.localhost:8080/": "http://wikibot.localhost:8080", "wikibot.localhost:8080": "http://wikibot.localhost:8080",
		"http://localhost:80": "http://localhost", "http://127.0.0.1:9": "http://127.0.0.1:9", "http://[::1]:9": "http://[::1]:9",
		"http://wikibot.io":         "", // anybody on the way could read the token
		"http://localhost.evil.org": "", // looks like this machine
		"http://127.0.0.1.evil.org": "",
		"http://2130706433":         "",
		"https://ada@wikibot.io":    "",
		"https://wikibot.io/app":    "",
		"https://wikibot.io?x":      "",
		"https://wikibot.io#x":      "",
		"ftp://wikibot.io":          "",
		"":                          "",
		"https://":                  "",
		"javascript:alert(1)":       "",
		"https://wikibot.io\nx":     "",
		"--help":                    "https://--help", // a host that nobody has
	} {
		got, err := parseServer(raw)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v, want %q", raw, got, err, want)
		}
	}
}

func TestBrowsers(t *testing.T) {
	for _, c := range []struct {
		why, goos string
		env       map[string]string
		want      [][]string
	}{
		{"a desktop", "linux", map[string]string{"DISPLAY": ":0"}, [][]string{{"xdg-open"}}},
		{"another", "linux", map[string]string{"WAYLAND_DISPLAY": "w"}, [][]string{{"xdg-open"}}},
		{"a server", "linux", nil, nil},
		{"a Mac", "darwin", nil, [][]string{{"open"}}},
		{"a Mac from afar", "darwin", map[string]string{"SSH_CONNECTION": "x"}, nil},
		{"Windows", "windows", nil, [][]string{{"rundll32", "url.dll,FileProtocolHandler"}}},
		{"the person's choice, on a server too", "linux", map[string]string{"BROWSER": "w3m -o x:lynx"}, [][]string{{"w3m", "-o", "x"}, {"lynx"}}},
		{"the person's choice first", "linux", map[string]string{"BROWSER": "firefox", "DISPLAY": ":0"}, [][]string{{"firefox"}, {"xdg-open"}}},
	} {
		if diff := cmp.Diff(c.want, browsers(c.goos, func(name string) string { return c.env[name] })); diff != "" {
			t.Errorf("%s: %s", c.why, diff)
		}
	}
	address := "https://a.example/?x=1&y=$(id)"
	for _, c := range [][2][]string{
		{{}, {address}}, {{"-new"}, {"-new", address}}, {{"--url=%s", "-x"}, {"--url=" + address, "-x"}},
	} {
		if diff := cmp.Diff(c[1], withAddress(c[0], address)); diff != "" {
			t.Error(diff)
		}
	}
}
