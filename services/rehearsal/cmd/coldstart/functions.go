package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"wikibot.io/contracts/routes"
	"wikibot.io/contracts/subscriptions"
	"wikibot.io/pkg/identity"
	"wikibot.io/services/rehearsal/runtimeapi"
)

// function is a member of the fleet and what it is asked.
type function struct {
	service routes.Service
	does    string
	payload func(w *world) any
	// good tells whether an answer is the one that was asked for.
	good func(response []byte) bool
}

var functions = []function{
	{routes.Auth, "public keys", func(w *world) any {
		return w.request("GET", host, "/.well-known/jwks.json", nil, "")
	}, ok},
	{routes.Management, "list of wikis", func(w *world) any {
		return w.request("GET", host, "/api/wikis", map[string]string{"cookie": identity.RootCookie + "=" + w.session.Root}, "")
	}, ok},
	{routes.Wiki, "page, signed in", func(w *world) any {
		return w.request("GET", slug+"."+host, "/", map[string]string{"cookie": identity.WikiCookie + "=" + w.session.Wikis}, "")
	}, ok},
	{routes.MCP, "full-text search", func(w *world) any {
		return w.request("POST", slug+"."+host, "/mcp", map[string]string{
			"authorization": "Bearer " + w.token, "content-type": "application/json", "accept": "application/json, text/event-stream",
		}, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_notes","arguments":{"query":"welcome"}}}`)
	}, ok},
	{routes.GitHTTP, "refs for a clone", func(w *world) any {
		return w.request("GET", slug+"."+host, "/repo.git/info/refs", map[string]string{"authorization": "Bearer " + w.token, "git-protocol": "version=2"}, "")
	}, ok},
	{routes.Embedding, "index after a save", func(w *world) any {
		return map[string]any{"subscription": subscriptions.EmbeddingIndex.Name, "event": json.RawMessage(w.event)}
	}, func(response []byte) bool { return string(response) == "null" }},
	{routes.Relay, "batch without events", func(*world) any {
		return map[string]any{"Records": []any{map[string]any{
			"eventSource": "aws:dynamodb", "eventName": "MODIFY", "eventID": "1",
			"dynamodb": map[string]any{"SequenceNumber": "1", "OldImage": map[string]any{"pk": map[string]string{"S": "a"}}, "NewImage": map[string]any{"pk": map[string]string{"S": "a"}}},
		}}}
	}, func(response []byte) bool { return strings.Contains(string(response), `"batchItemFailures":[]`) }},
}

// ok reports whether a function URL's answer has status 200.
func ok(response []byte) bool {
	head, _, found := bytes.Cut(response, make([]byte, 8))
	return found && bytes.HasPrefix(head, []byte(`{"statusCode":200,`))
}

// measurement is what was found out about a function.
type measurement struct {
	size               int64 // zipped, as deployed
	ready, first, warm []time.Duration
	cpu                []time.Duration // of a process that answered once
}

func (w *world) measure(ctx context.Context, f function, runs, warm int) (m measurement, err error) {
	deployed := filepath.Join(w.dir, "arm64", string(f.service), "bootstrap")
	if err := build(ctx, f.service, deployed, "GOOS=linux", "GOARCH=arm64"); err != nil {
		return m, err
	}
	if m.size, err = zipped(deployed); err != nil {
		return m, err
	}
	var said bytes.Buffer
	fn, err := w.function(ctx, f.service, &said)
	if err != nil {
		return m, err
	}
	defer func() {
		if closeErr := fn.Close(); err == nil { // from here on nothing is written to said
			err = closeErr
		}
		if err != nil {
			err = fmt.Errorf("%w; the end of what it wrote:\n%s", err, said.Bytes()[max(0, said.Len()-4096):])
		}
	}()
	payload, err := json.Marshal(f.payload(w))
	if err != nil {
		return m, err
	}
	invoke := func() (time.Duration, error) {
		began := time.Now()
		response, err := fn.Invoke(ctx, payload)
		took := time.Since(began)
		if err == nil && !f.good(response) {
			err = fmt.Errorf("the answer is not the one that was asked for: %.1000s", response)
		}
		return took, err
	}
	if _, err := invoke(); err != nil { // the first reads the binary from disk
		return m, err
	}
	for range runs {
		fn.Reset()
		if _, err := invoke(); err != nil {
			return m, err
		}
	}
	for range warm {
		took, err := invoke()
		if err != nil {
			return m, err
		}
		m.warm = append(m.warm, took)
	}
	for _, i := range fn.Instances()[1:] {
		m.ready, m.first = append(m.ready, i.InitDuration), append(m.first, i.FirstResponse)
		if !i.Alive {
			m.cpu = append(m.cpu, i.CPU)
		}
	}
	return m, nil
}

// function builds a service for this machine and puts it under the Runtime API.
func (w *world) function(ctx context.Context, s routes.Service, out io.Writer, env ...string) (*runtimeapi.Function, error) {
	native := filepath.Join(w.dir, "native", string(s), "bootstrap")
	if err := build(ctx, s, native); err != nil {
		return nil, err
	}
	return runtimeapi.New(runtimeapi.Config{
		Name: string(s), Command: []string{native}, Env: append(w.environment(s), env...), Memory: 512, Timeout: 30 * time.Second, MaxConcurrency: 1, Output: out,
	})
}

// build builds a service's function as it is deployed.
func build(ctx context.Context, s routes.Service, to string, env ...string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", to, "./services/"+string(s)+"/cmd/lambda")
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

// zipped is a file's size in the archive that is uploaded.
func zipped(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var n counter
	z := zip.NewWriter(&n)
	w, err := z.Create("bootstrap")
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(w, f); err != nil {
		return 0, err
	}
	return int64(n), z.Close()
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
