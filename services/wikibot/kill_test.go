package wikibot_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// rounds is how often the server is killed while writers are at work.
const rounds = 100

// TestKilledServerLosesNoAcknowledgedSave kills the server a hundred times in
// the middle of saves by several writers. Whatever was answered with success is
// there afterwards, and git finds nothing wrong.
func TestKilledServerLosesNoAcknowledgedSave(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	k := &killed{t: t, data: data, listen: freeAddress(t), saved: map[string]string{}}
	k.admin("create-user", "--data", data, "--email", "ada@example.org", "--username", "ada", "--tier", "premium")
	var made struct{ Token string }
	if err := json.Unmarshal(k.admin("create-wiki", "--data", data, "--owner", "ada@example.org", "--slug", "ada", "--name", "Ada"), &made); err != nil {
		t.Fatal(err)
	}
	k.token = made.Token
	for round := range rounds {
		k.round(round)
		if t.Failed() {
			return
		}
	}
	server := k.start()
	defer stop(server)
	for path, text := range k.saved {
		got, err := k.read(path)
		if err != nil || got != text {
			t.Errorf("page %s was acknowledged with %q, but holds %q, %v", path, text, got, err)
		}
	}
	repos, err := filepath.Glob(filepath.Join(data, "wikis", "*", "repo.git"))
	if err != nil || len(repos) != 1 {
		t.Fatalf("repositories: %v, %v", repos, err)
	}
	if out, err := exec.Command("git", "-C", repos[0], "fsck", "--strict", "--full", "--no-dangling").CombinedOutput(); err != nil {
		t.Errorf("git fsck: %v\n%s", err, out)
	}
	t.Logf("%d pages were acknowledged over %d kills", len(k.saved), rounds)
}

type killed struct {
	t      *testing.T
	data   string
	listen string
	token  string
	mu     sync.Mutex
	saved  map[string]string // path → text, as acknowledged
}

// round starts the server, lets four writers loose, and kills it soon after the
// first save has been acknowledged.
func (k *killed) round(round int) {
	server := k.start()
	acknowledged := make(chan struct{}, 1)
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for n := 0; ; n++ {
				path, text := fmt.Sprintf("Writer-%d/Page-%d-%d", i, round, n), fmt.Sprintf("round %d, save %d\n", round, n)
				if err := k.save(path, text); err != nil {
					return // the server is gone: nobody knows whether this one landed
				}
				k.mu.Lock()
				k.saved[path] = text
				k.mu.Unlock()
				select {
				case acknowledged <- struct{}{}:
				default:
				}
			}
		})
	}
	select {
	case <-acknowledged:
	case <-time.After(30 * time.Second):
		k.t.Errorf("round %d: no save was acknowledged", round)
	}
	<-time.After(time.Duration(rand.IntN(40)) * time.Millisecond) // any moment will do
	stop(server)
	writers.Wait()
}

func (k *killed) start() *exec.Cmd {
	k.t.Helper()
	cmd := exec.Command("wikibot", "serve", "--data", k.data, "--listen", k.listen, "--log", "off")
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		cmd.Wait()
		k.t.Fatalf("the server did not start: %v\n%s", err, log.String())
	}
	return cmd
}

func stop(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}

func (k *killed) admin(args ...string) []byte {
	k.t.Helper()
	cmd := exec.Command("wikibot", append([]string{"admin"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			k.t.Fatalf("wikibot admin %v: %v\n%s", args, err, exit.Stderr)
		}
		k.t.Fatal(err)
	}
	return out
}

func (k *killed) save(path, text string) error {
	body, err := json.Marshal(map[string]string{"content": text})
	if err != nil {
		return err
	}
	res, err := k.request(http.MethodPut, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		msg, _ := io.ReadAll(res.Body)
		if res.StatusCode < 500 {
			k.t.Errorf("save %s: %s\n%s", path, res.Status, msg)
		}
		return fmt.Errorf("save %s: %s", path, res.Status)
	}
	return nil
}

func (k *killed) read(path string) (string, error) {
	res, err := k.request(http.MethodGet, path, nil)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var page struct{ Content string }
	err = json.NewDecoder(res.Body).Decode(&page)
	return page.Content, err
}

func (k *killed) request(method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequest(method, "http://"+k.listen+"/api/v1/pages/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(k.listen, ":")
	req.Host = "ada.wikibot.localhost:" + port
	req.Header.Set("Authorization", "Bearer "+k.token)
	req.Header.Set("Content-Type", "application/json")
	return http.DefaultClient.Do(req)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
