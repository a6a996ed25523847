package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// house is a served data folder with one public wiki.
type house struct {
	bin, data, corpus string
	url               *url.URL // root host
	wikiHost          string
	token             string
	cmd               *exec.Cmd
	imported          time.Duration
	// wrap makes the command line to run of the server's; nil runs it as it is.
	wrap    func([]string) []string
	resting int64 // bytes resident when memory began to be measured
}

func newHouse(ctx context.Context, bin, dir, corpus string) (*house, error) {
	h, err := furnish(ctx, bin, dir, corpus)
	if err != nil {
		return nil, err
	}
	return h, h.serve()
}

// furnish makes the data folder and serves nothing yet.
func furnish(ctx context.Context, bin, dir, corpus string) (*house, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	h := &house{bin: bin, data: filepath.Join(dir, "data"), corpus: corpus}
	if _, err := h.admin(ctx, "create-user", "--email", "bench@example.org", "--username", "bench", "--tier", "premium"); err != nil {
		return nil, err
	}
	begin := time.Now()
	out, err := h.admin(ctx, "create-wiki", "--owner", "bench@example.org", "--slug", "bench", "--name", "Bench", "--public", "--from", corpus)
	if err != nil {
		return nil, err
	}
	h.imported = time.Since(begin)
	var made struct{ Token string }
	if err := json.Unmarshal(out, &made); err != nil {
		return nil, err
	}
	h.token = made.Token
	return h, nil
}

func (h *house) admin(ctx context.Context, args ...string) ([]byte, error) {
	args = append([]string{"admin", args[0], "--data", h.data}, args[1:]...)
	cmd := exec.CommandContext(ctx, h.bin, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("wikibot %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

func (h *house) serve() error {
	listen := "127.0.0.1:0"
	if h.url != nil {
		listen = "127.0.0.1:" + h.url.Port()
	}
	argv := []string{h.bin, "serve", "--data", h.data, "--listen", listen, "--log", "off"}
	if h.wrap != nil {
		argv = h.wrap(argv)
	}
	h.cmd = exec.Command(argv[0], argv[1:]...)
	h.cmd.Stderr = os.Stderr
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := h.cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the server did not start: %w", err)
	}
	if h.url, err = url.Parse(strings.TrimSpace(strings.TrimPrefix(line, "wikibot serves at "))); err != nil {
		return err
	}
	h.wikiHost = "bench." + h.url.Host
	return nil
}

func (h *house) stop() {
	h.cmd.Process.Signal(os.Interrupt)
	h.cmd.Wait()
}

// addr is where the server listens; every .localhost name is this machine.
func (h *house) addr() string { return "127.0.0.1:" + h.url.Port() }

func (h *house) request(ctx context.Context, method, path string, body any) (status int, data []byte, err error) {
	var in io.Reader = http.NoBody
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+h.addr()+path, in)
	if err != nil {
		return 0, nil, err
	}
	req.Host = h.wikiHost
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+h.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	data, err = io.ReadAll(res.Body)
	return res.StatusCode, data, err
}

// app asks for the management app, which touches no wiki.
func (h *house) app(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.addr()+"/app/", http.NoBody)
	if err != nil {
		return err
	}
	req.Host = h.url.Host
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// memory is the resident memory of a process, in MiB.
func memory(pid int) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			var kib float64
			fmt.Sscan(rest, &kib)
			return kib / 1024
		}
	}
	return 0
}

// pagePaths lists all pages of the wiki.
func (h *house) pagePaths(ctx context.Context) ([]string, error) {
	status, data, err := h.request(ctx, http.MethodGet, "/api/v1/pages", nil)
	if err != nil {
		return nil, err
	}
	var list struct{ Pages []struct{ Path string } }
	if err := json.Unmarshal(data, &list); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("list pages: %d, %v", status, err)
	}
	paths := make([]string, len(list.Pages))
	for i, p := range list.Pages {
		paths[i] = p.Path
	}
	return paths, nil
}

func escape(path string) string {
	segs := strings.Split(path, "/")
	for i, s := range segs {
		segs[i] = url.PathEscape(s)
	}
	return "/" + strings.Join(segs, "/")
}
