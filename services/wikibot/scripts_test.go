package wikibot_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The scripts that talk to AWS are run against a command line that writes down
// what it is asked. What AWS makes of it is seen by deploying alone; the order of
// the steps and what must not be among them is seen here.
func TestUploadingTheApp(t *testing.T) {
	calls := awsCalls(t, "deploy", "--app", "dev")
	var order []string
	for _, call := range calls {
		if strings.Contains(call, ".map") {
			t.Errorf("a source map is uploaded: %s", call)
		}
		for _, step := range []string{"/app/assets --", "/app --", "/app/index.html --", "create-invalidation"} {
			if strings.Contains(call, step) {
				order = append(order, step)
			}
		}
	}
	// index.html names the assets, so it comes after them, and is not kept.
	if got := strings.Join(order, " "); got != "/app/assets -- /app -- /app/index.html -- create-invalidation" {
		t.Errorf("steps %q of:\n%s", got, strings.Join(calls, "\n"))
	}
	if all := strings.Join(calls, "\n"); !strings.Contains(all, "immutable") || !strings.Contains(all, "index.html --only-show-errors --cache-control no-cache") {
		t.Errorf("how long files are kept is not said:\n%s", all)
	}
}

// A visitor who gets in before records and files agree makes saves be forgotten.
func TestReconcilingNeedsAStoppedStage(t *testing.T) {
	repo := copyScripts(t)
	if out, err := runScript(t, repo, "operate", "reconcile", "dev"); err == nil || !strings.Contains(out, "stop dev first") {
		t.Errorf("reconciled a stage that is open: %v\n%s", err, out)
	}
	steps := [][]string{{"operate", "stop", "dev"}, {"operate", "reconcile", "dev"}, {"operate", "start", "dev"}}
	for _, step := range steps {
		if out, err := runScript(t, repo, step[0], step[1:]...); err != nil {
			t.Fatalf("%v: %v\n%s", step, err, out)
		}
	}
	calls := strings.Join(readCalls(t, repo), "\n")
	closed, reconciled := strings.Index(calls, strings.Repeat("0", 64)), strings.Index(calls, `{"schedule":"reconcile"}`)
	opened := strings.Index(calls, "file://.cache/operate-dev.json")
	if closed < 0 || reconciled < closed || opened < reconciled {
		t.Errorf("not closed, reconciled, opened in this order:\n%s", calls)
	}
	for _, f := range []string{"auth", "management", "mcp", "githttp", "embedding", "relay"} {
		if !strings.Contains(calls, "put-function-concurrency --function-name wikibot-dev-"+f+" --reserved-concurrent-executions 0") ||
			!strings.Contains(calls, "delete-function-concurrency --function-name wikibot-dev-"+f) {
			t.Errorf("%s is not stopped and started:\n%s", f, calls)
		}
	}
}

// One call has not the time for all wikis: the next begins where it ended.
func TestMaintainingGoesOnToTheEnd(t *testing.T) {
	repo := copyScripts(t)
	out, err := runScript(t, repo, "operate", "maintain", "dev")
	if err != nil || !strings.Contains(out, "1 left; go on behind b2") {
		t.Errorf("%v:\n%s", err, out)
	}
	var payloads []string
	for _, call := range readCalls(t, repo) {
		if !strings.Contains(call, "--function-name wikibot-dev-embedding ") {
			t.Errorf("not the function that keeps packs few: %s", call)
		}
		_, rest, _ := strings.Cut(call, "--payload ")
		payload, _, _ := strings.Cut(rest, " ")
		payloads = append(payloads, payload)
	}
	want := []string{`{"schedule":"maintain"}`, `{"schedule":"maintain","after":"b2"}`}
	if !slices.Equal(payloads, want) {
		t.Errorf("invoked with %q, want %q", payloads, want)
	}
}

func TestGoingThroughWikisIsRefusedOrFails(t *testing.T) {
	for _, c := range []struct {
		why  string
		args []string
		says string
	}{
		{"a wiki is in trouble", []string{"fsck", "dev"}, "found 1 wikis in trouble"},
		{"only what goes through wikis can go on behind one", []string{"rotate-keys", "dev", "b2"}, "usage"},
		{"what is no identifier would end up in JSON", []string{"fsck", "dev", `","schedule":"reconcile`}, "no wiki's identifier"},
		{"nothing is asked", nil, "usage"},
	} {
		if out, err := runScript(t, copyScripts(t), "operate", c.args...); err == nil || !strings.Contains(out, c.says) {
			t.Errorf("%s: %v\n%s", c.why, err, out)
		}
	}
	repo := copyScripts(t)
	if out, err := runScript(t, repo, "operate", "stop", "dev"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := runScript(t, repo, "operate", "maintain", "dev"); err == nil || !strings.Contains(out, "start dev first") {
		t.Errorf("maintained a stage that is stopped: %v\n%s", err, out)
	}
}

func awsCalls(t *testing.T, script string, args ...string) []string {
	t.Helper()
	repo := copyScripts(t)
	if out, err := runScript(t, repo, script, args...); err != nil {
		t.Fatalf("%s %v: %v\n%s", script, args, err, out)
	}
	return readCalls(t, repo)
}

// copyScripts makes a folder with the scripts, an app that is built already, and
// an aws that writes its arguments down.
func copyScripts(t *testing.T) string {
	t.Helper()
	repo := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(repo, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"scripts/deploy", "scripts/operate", "scripts/lib.sh", "cdk/stages.json"} {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		write(name, string(text))
	}
	write("scripts/build", "#!/bin/sh\n")
	write("services/wikibot/internal/app/dist/index.html", "<div id=\"app\">")
	write("services/wikibot/internal/app/dist/assets/index-abc.js", "")
	write("bin/aws", `#!/bin/sh
echo "$@" >> "`+filepath.Join(repo, "calls")+`"
case "$*" in
*get-function-configuration*) echo '{"Variables":{"WIKIBOT_EDGE_KEYS":"ab"}}' ;;
*'"after":"b2"}'*) echo bG9n; echo '{"wikis":1,"left":0,"wrong":0}' > .cache/operate-answer.json ;;
*'"schedule":"maintain"}'*) echo bG9n; echo '{"wikis":2,"left":1,"wrong":0,"after":"b2"}' > .cache/operate-answer.json ;;
*'"schedule":"fsck"}'*) echo bG9n; echo '{"wikis":3,"left":0,"wrong":1}' > .cache/operate-answer.json ;;
*"lambda invoke"*) echo bG9n; echo null > .cache/operate-answer.json ;;
*describe-stacks*) echo value ;;
esac
`)
	return repo
}

func runScript(t *testing.T, repo, script string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(filepath.Join(repo, "scripts", script), args...)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(repo, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func readCalls(t *testing.T, repo string) []string {
	t.Helper()
	calls, err := os.ReadFile(filepath.Join(repo, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(calls)), "\n")
}
