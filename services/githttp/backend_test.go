package githttp_test

import (
	"fmt"
	"net/http/cgi"
	"net/http/httptest"
	"path/filepath"
	"strings"

	"wikibot.io/pkg/gitstore/gitstoretest"
)

// backend serves the repositories below a folder with git's own server, which
// may do all that can be allowed, and more if it is named.
func backend(f *fleet, root string, more ...string) (url string) {
	f.t.Helper()
	path := filepath.Join(strings.TrimSpace(f.must(".", "--exec-path")), "git-http-backend")
	allow := append([]string{"uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant", "transfer.advertiseObjectInfo"}, more...)
	env := append(gitstoretest.Env(), "GIT_HTTP_EXPORT_ALL=1", "GIT_PROJECT_ROOT="+root, fmt.Sprint("GIT_CONFIG_COUNT=", len(allow)))
	for i, key := range allow {
		n := fmt.Sprint(i)
		env = append(env, "GIT_CONFIG_KEY_"+n+"="+key, "GIT_CONFIG_VALUE_"+n+"=true")
	}
	srv := httptest.NewServer(&cgi.Handler{Path: path, Root: "/", Env: env, Stderr: discard{}})
	f.t.Cleanup(srv.Close)
	return srv.URL
}

// discard takes what git says to the server's log.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// refInWant lets git's own server take want-ref. Its own client cannot make a
// shallow clone then: the server tells the wanted refs before the edge, against
// its documentation and the client's expectation (seen with 2.39).
const refInWant = "uploadpack.allowRefInWant"
