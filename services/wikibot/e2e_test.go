package wikibot_test

import (
	"net/url"
	"os/exec"
	"path/filepath"
	"testing"

	"wikibot.io/services/internal/e2e"
)

// The scripts drive the built binary with the real git, as owner, as agent and
// as attacker.
func TestScripts(t *testing.T) {
	e2e.Run(t, e2e.Params{
		Dirs:  []string{"../internal/e2e/script", "testdata/script"},
		Start: startBinary,
	})
}

func startBinary(p e2e.Place) (e2e.Fleet, error) {
	listen := "127.0.0.1:0"
	if p.URL != "" {
		u, err := url.Parse(p.URL)
		if err != nil {
			return nil, err
		}
		listen = "127.0.0.1:" + u.Port()
	}
	cmd := exec.Command("wikibot", "serve", "--data", filepath.Join(p.Dir, "data"), "--listen", listen)
	cmd.Env = p.Env
	return e2e.StartProcess(cmd)
}
