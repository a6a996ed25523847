package cdk_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// run gives an event to a script of the edge and returns what it makes of it.
// Node is what the CDK needs anyway; CloudFront's own engine knows less of the
// language, so scripts keep to the old parts of it.
func run(t *testing.T, script, handler, event string) map[string]any {
	t.Helper()
	source, err := os.ReadFile("edge/" + script)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "-e", `
		const exports = {};`+string(source)+`;
		Promise.resolve((`+handler+`)(JSON.parse(process.argv[1]))).then(r => console.log(JSON.stringify(r)));`, event)
	node.Stderr = os.Stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("run %s: %v", script, err)
	}
	var result map[string]any
	if err := json.Unmarshal(out, &result); err != nil {
		t.Fatalf("%s returned %s", script, out)
	}
	return result
}

func TestHostScriptTellsWhoAsks(t *testing.T) {
	got := run(t, "host.js", "handler", `{"viewer": {"ip": "2001:db8::7"}, "request": {"method": "GET", "uri": "/Home", "headers": {
		"host": {"value": "Notes.Wikibot.IO"},
		"x-forwarded-host": {"value": "victim.wikibot.io"},
		"x-wikibot-edge": {"value": "guessed"},
		"x-wikibot-viewer": {"value": "127.0.0.1"},
		"cloudfront-viewer-address": {"value": "127.0.0.1:1"},
		"authorization": {"value": "Bearer wbt_x"}
	}}}`)
	// Of what an attacker sent under our names nothing is left.
	want := map[string]any{"method": "GET", "uri": "/Home", "headers": map[string]any{
		"host":             map[string]any{"value": "Notes.Wikibot.IO"},
		"x-forwarded-host": map[string]any{"value": "notes.wikibot.io"},
		"x-wikibot-viewer": map[string]any{"value": "2001:db8::7"},
		"authorization":    map[string]any{"value": "Bearer wbt_x"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The same addresses as services/wikibot/internal/app answers.
func TestAppScriptFindsFiles(t *testing.T) {
	for uri, want := range map[string]any{
		"/app/":                    "/app/index.html",
		"/app/ada/connect":         "/app/index.html",
		"/app/v1.2/connect":        "/app/index.html", // the dot is a folder's
		"/app/assets/index-8f3.js": "/app/assets/index-8f3.js",
		"/app/assets/lost":         "/app/assets/lost", // an old app must not be given a page for a script
		"/app/robots.txt":          "/app/robots.txt",
		"/favicon.svg":             "/app/favicon.svg",
		"/":                        302.0,
		"/app":                     308.0,
	} {
		got := run(t, "app.js", "handler", `{"request": {"uri": "`+uri+`", "headers": {}}}`)
		if status, ok := got["statusCode"]; ok {
			location := got["headers"].(map[string]any)["location"].(map[string]any)["value"]
			if status != want || location != "/app/" {
				t.Errorf("%s: %v to %v, want %v", uri, status, location, want)
			}
		} else if got["uri"] != want {
			t.Errorf("%s: %v, want %v", uri, got["uri"], want)
		}
	}
}

func TestNothingScriptAnswersAProblem(t *testing.T) {
	got := run(t, "nothing.js", "handler", `{"request": {"uri": "/mcp", "headers": {}}}`)
	var problem struct {
		Type   string
		Status int
		Error  string
	}
	body := got["body"].(map[string]any)
	if err := json.Unmarshal([]byte(body["data"].(string)), &problem); err != nil {
		t.Fatal(err)
	}
	if problem.Type != "/problems/not-found" || problem.Status != 404 || got["statusCode"] != 404.0 || problem.Error != "there is nothing at /mcp" {
		t.Errorf("%+v", got)
	}
}

func TestChallengeIsPutBack(t *testing.T) {
	got := run(t, "challenge.js", "exports.handler", `{"Records": [{"cf": {"response": {"status": "401", "headers": {
		"x-amzn-remapped-www-authenticate": [{"key": "x-amzn-Remapped-www-authenticate", "value": "Bearer realm=\"notes\""}],
		"content-type": [{"key": "Content-Type", "value": "application/problem+json"}]
	}}}}]}`)
	want := map[string]any{
		"www-authenticate": []any{map[string]any{"key": "WWW-Authenticate", "value": `Bearer realm="notes"`}},
		"content-type":     []any{map[string]any{"key": "Content-Type", "value": "application/problem+json"}},
	}
	if diff := cmp.Diff(want, got["headers"]); diff != "" {
		t.Error(diff)
	}
	got = run(t, "challenge.js", "exports.handler", `{"Records": [{"cf": {"response": {"status": "200", "headers": {}}}}]}`)
	if diff := cmp.Diff(map[string]any{"status": "200", "headers": map[string]any{}}, got); diff != "" {
		t.Error("an answer without a challenge is changed:", diff)
	}
}
