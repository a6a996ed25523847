package runtimeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/services/rehearsal/runtimeapi"
)

// envelope returns a good event as EventBridge carries it.
func envelope(t *testing.T) string {
	t.Helper()
	env, err := events.New(time.Unix(1_700_000_000, 0), "w1", nil, &eventsv1.WikiDeleted{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := events.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestInvoke(t *testing.T) {
	f, out := newProbe(t, nil)
	event := envelope(t)
	for _, c := range []struct {
		why, payload string
		want         string // the response
		fails        string // or a part of the error
	}{
		{"an event is handled", `{"subscription":"probe.ok","event":` + event + `}`, "null", ""},
		{"what passes within a moment is waited for", `{"subscription":"probe.recovers","event":` + event + `}`, "null", ""},
		{"what does not is EventBridge's to retry", `{"subscription":"probe.busy","event":` + event + `}`, "", "probe is busy"},
		{"a panic is a failure", `{"subscription":"probe.panics","event":` + event + `}`, "", "probe panics"},
		{"an unknown subscription ends as a dead letter", `{"subscription":"probe.none","event":` + event + `}`, "", "no subscription"},
		{"so does an event that nobody can read", `{"subscription":"probe.ok","event":{"id":"x"}}`, "", "decode event"},
		{"and one that is no JSON object", `{"subscription":"probe.ok","event":"x"}`, "", "decode event"},
		{"a schedule is run", `{"schedule":"tick"}`, "null", ""},
		{"an unknown schedule is a mistake of the deployment", `{"schedule":"tock"}`, "", "none of the name"},
		{"items of a stream that failed are reported",
			`{"Records":[{"eventSource":"aws:dynamodb","eventName":"INSERT","dynamodb":{"SequenceNumber":"1"}},{"eventSource":"aws:dynamodb","eventName":"REMOVE","dynamodb":{"SequenceNumber":"2"}}]}`,
			`{"batchItemFailures":[{"itemIdentifier":"2"}]}`, ""},
		{"null would mean that all items failed",
			`{"Records":[{"eventSource":"aws:dynamodb","eventName":"INSERT","dynamodb":{"SequenceNumber":"1"}}]}`, `{"batchItemFailures":[]}`, ""},
		{"records of another source", `{"Records":[{"eventSource":"aws:sqs"}]}`, "", "aws:sqs"},
		{"something else", `{"hello":"world"}`, "", "none of"},
		{"two things at once", `{"schedule":"tick","subscription":"probe.ok","event":` + event + `}`, "", "several"},
		{"no object", `[]`, "", "decode invocation"},
	} {
		got, err := f.Invoke(t.Context(), []byte(c.payload))
		var failed *runtimeapi.FunctionError
		switch {
		case c.fails == "" && (err != nil || string(got) != c.want):
			t.Errorf("%s: got %s, %v; want %s", c.why, got, err, c.want)
		case c.fails != "" && (!errors.As(err, &failed) || !strings.Contains(failed.Message, c.fails)):
			t.Errorf("%s: got %s, %v; want an error with %q", c.why, got, err, c.fails)
		}
	}
	if list := f.Instances(); len(list) != 1 {
		t.Errorf("%d processes were started; failures must not end one", len(list))
	} else if list[0].InitDuration <= 0 || list[0].FirstResponse <= list[0].InitDuration || list[0].Invocations != 15 {
		t.Errorf("instance = %+v", list[0])
	}
	checkLines(t, out.String())
}

// checkLines: the output is JSON throughout, with request ids, and metrics.
func checkLines(t *testing.T, out string) {
	t.Helper()
	counted := map[string]float64{}
	withRequest := 0
	for line := range strings.Lines(out) {
		var rec map[string]any
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Errorf("the log has a line that is no JSON: %s", line)
			continue
		}
		if rec["request"] != nil && rec["trace"] != nil {
			withRequest++
		}
		for _, name := range []string{"EventsHandled", "EventsFailed", "ColdStart"} {
			if n, ok := rec[name].(float64); ok {
				counted[name] += n
			}
		}
	}
	if diff := cmp.Diff(map[string]float64{"EventsHandled": 2, "EventsFailed": 5, "ColdStart": 1}, counted); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if withRequest == 0 {
		t.Error("no record carries the invocation's request and trace id")
	}
}

func TestEndsOfProcesses(t *testing.T) {
	for _, c := range []struct {
		why, probe, payload string
		want                func(error) bool
		alive               int
	}{
		{"it crashes at init", "crash at init", `{}`, isFunctionError("Runtime.ExitError"), 0},
		{"it reports why it cannot start", "rude", `"init error"`, isFunctionError("Probe.NoDisk"), 0},
		{"it asks for the next invocation without having answered", "rude", `"silent"`, isFunctionError("Runtime.InvalidResponse"), 1},
		{"its response is larger than 6 MB", "rude", `"big"`, isFunctionError("Function.ResponseSizeTooLarge"), 1},
		{"it answers twice: the first answer counts", "rude", `"twice"`, func(err error) bool { return err == nil }, 1},
		{"it answers for an invocation that is not its own", "rude", `"other"`, func(err error) bool { return err == nil }, 1},
	} {
		t.Run(c.why, func(t *testing.T) {
			f, _ := newProbe(t, func(cfg *runtimeapi.Config) { cfg.Env = append(cfg.Env, "PROBE="+c.probe) })
			got, err := f.Invoke(t.Context(), []byte(c.payload))
			if !c.want(err) {
				t.Errorf("got %.100s, %v", got, err)
			}
			if n := alive(f); n != c.alive {
				t.Errorf("%d processes live, want %d", n, c.alive)
			}
		})
	}
}

func isFunctionError(kind string) func(error) bool {
	return func(err error) bool {
		var e *runtimeapi.FunctionError
		return errors.As(err, &e) && e.Type == kind
	}
}

// A process that does not end in time is killed, and what it started with it.
func TestTimeoutKills(t *testing.T) {
	f, _ := newProbe(t, func(c *runtimeapi.Config) {
		c.Timeout = 300 * time.Millisecond
		c.Command = []string{"/bin/sh", "-c", `"$0" & wait`, probe} // behind a launcher that does not pass signals on
	})
	payload := `{"version":"2.0","rawPath":"/-/hang","headers":{"x-wikibot-edge":"` + edgeKey + `"},"requestContext":{"http":{"method":"GET"}}}`
	if got, err := f.Invoke(t.Context(), []byte(payload)); !errors.Is(err, runtimeapi.ErrTimeout) {
		t.Errorf("got %s, %v", got, err)
	}
	if left := group(t, f.Instances()[0].PID); left != "" {
		t.Errorf("processes live on: %s", left)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{"schedule":"tick"}`)); err != nil {
		t.Errorf("the next invocation: %v", err)
	}
}

// group lists the processes of a group that run: those that nobody has collected
// yet (Z) do not.
func group(t *testing.T, pgid int) (running string) {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pgid=,stat=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == strconv.Itoa(pgid) && !strings.HasPrefix(f[1], "Z") {
			running += line
		}
	}
	return running
}

func TestConcurrency(t *testing.T) {
	f, _ := newProbe(t, func(c *runtimeapi.Config) { c.MaxConcurrency = 2 })
	throttled := make(chan struct{})
	gate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-throttled }))
	defer gate.Close()
	payload := `{"version":"2.0","rawPath":"/-/stream","rawQueryString":"until=` + url.QueryEscape(gate.URL) + `","headers":{"x-wikibot-edge":"` + edgeKey + `"},"requestContext":{"http":{"method":"GET"}}}`
	var wg sync.WaitGroup
	var mu sync.Mutex
	counts := map[string]int{}
	for range 3 {
		wg.Go(func() {
			_, err := f.Invoke(t.Context(), []byte(payload))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				counts["answered"]++
			case errors.Is(err, runtimeapi.ErrThrottled):
				counts["throttled"]++
				close(throttled)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff(map[string]int{"answered": 2, "throttled": 1}, counts); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for range 3 {
		if _, err := f.Invoke(t.Context(), []byte(`{"schedule":"tick"}`)); err != nil {
			t.Error(err)
		}
	}
	if n := len(f.Instances()); n != 2 {
		t.Errorf("%d processes were started, want 2: idle ones are used again", n)
	}
	f.Reset()
	if n := alive(f); n != 0 {
		t.Errorf("%d processes live after a reset", n)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{"schedule":"tick"}`)); err != nil || len(f.Instances()) != 3 {
		t.Errorf("after a reset: %v, %d processes; want a new one", err, len(f.Instances()))
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{"schedule":"tick"}`)); !errors.Is(err, runtimeapi.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// Whoever gives up waiting does not disturb the function.
func TestCallerGivesUp(t *testing.T) {
	f, _ := newProbe(t, func(c *runtimeapi.Config) { c.Timeout = 2 * time.Second })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	payload := `{"version":"2.0","rawPath":"/-/patient","headers":{"x-wikibot-edge":"` + edgeKey + `"},"requestContext":{"http":{"method":"GET"}}}`
	if _, err := f.Invoke(ctx, []byte(payload)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if n := alive(f); n != 1 {
		t.Errorf("%d processes live, want 1", n)
	}
}

// A sandbox has its own temporary folder, no home, and only the variables that
// its function was given.
func TestSandbox(t *testing.T) {
	t.Setenv("WIKIBOT_LEAK", "of the test's own environment")
	f, _ := newProbe(t, func(c *runtimeapi.Config) { c.Memory = 256 })
	url := serve(t, f)
	_, body, err := fetch(t, "GET", url+"/-/env", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, v := range list {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	if env["HOME"] != "" || env["WIKIBOT_LEAK"] != "" || env["AWS_LAMBDA_FUNCTION_NAME"] != "probe" || env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] != "256" {
		t.Errorf("environment: %v", env)
	}
	tmp := env["TMPDIR"]
	if st, err := os.Stat(tmp); err != nil || !st.IsDir() {
		t.Errorf("temporary folder %q: %v", tmp, err)
	}
	f.Reset()
	if _, err := os.Stat(tmp); !os.IsNotExist(err) {
		t.Errorf("the folder of a process that ended is there: %v", err)
	}
}
