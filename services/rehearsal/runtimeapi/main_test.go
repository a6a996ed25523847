package runtimeapi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"wikibot.io/services/rehearsal/runtimeapi"
)

// probe is the test function's binary, built as functions are.
var probe string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "wikibot-probe-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	probe = filepath.Join(dir, "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", probe, "./internal/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build probe: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// The edge's key now, and the one that is being rotated out.
const edgeKey, oldEdgeKey = "a key that only the edge knows", "a key of yesterday"

func sum(key string) string {
	s := sha256.Sum256([]byte(key))
	return hex.EncodeToString(s[:])
}

// newProbe returns the test function, and what it writes.
func newProbe(t *testing.T, change func(*runtimeapi.Config)) (*runtimeapi.Function, *log) {
	t.Helper()
	out := new(log)
	c := runtimeapi.Config{
		Name: "probe", Command: []string{probe}, Timeout: 10 * time.Second, Output: out,
		Env: []string{"PROBE_EDGE_KEYS=" + sum(edgeKey) + "," + sum(oldEdgeKey)},
	}
	if change != nil {
		change(&c)
	}
	f, err := runtimeapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the function wrote:\n%s", out)
		}
	})
	return f, out
}

// serve puts a server with the function's URL up, and returns its address.
func serve(t *testing.T, f *runtimeapi.Function) string {
	t.Helper()
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return srv.URL
}

// fetch sends a request as the edge would, and returns the whole answer.
func fetch(t *testing.T, method, url string, body io.Reader, header map[string]string) (*http.Response, []byte, error) {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Wikibot-Edge", edgeKey)
	r.Header.Set("X-Forwarded-Host", "notes.wikibot.io")
	for name, v := range header {
		r.Header.Set(name, v)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	return res, all, err
}

// alive counts the function's processes that have not ended.
func alive(f *runtimeapi.Function) (n int) {
	for _, i := range f.Instances() {
		if i.Alive {
			n++
		}
	}
	return n
}

type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
