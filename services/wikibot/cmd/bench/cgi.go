package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// cgiServer is git's own server for one bare repository: git http-backend below
// as little of a web server as there can be. It runs in a process of its own, so
// that what it takes can be told from what the bench takes.
type cgiServer struct {
	Repo string `arg:"" help:"The bare repository, served as /repo.git."`
}

// usagePath answers what the host and its children have taken.
const usagePath = "/-/usage"

// Run serves until standard input's other end goes away.
func (c *cgiServer) Run() error {
	root, name := filepath.Split(filepath.Clean(c.Repo))
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return fmt.Errorf("find git http-backend: %w", err)
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+usagePath, writeUsage)
	mux.HandleFunc("/repo.git/", func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/" + name + strings.TrimPrefix(r.URL.Path, "/repo.git")
		h := cgi.Handler{Path: backend, Root: "/", Stderr: os.Stderr, Env: append(backendConfig(),
			"GIT_PROJECT_ROOT="+root, "GIT_PROTOCOL="+r.Header.Get("Git-Protocol"))}
		h.ServeHTTP(w, r)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go http.Serve(l, mux)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// backendConfig lets git's server answer all that is asked in the bench, with
// the configuration of nobody's machine.
func backendConfig() []string {
	return []string{
		"GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_COUNT=2",
		"GIT_CONFIG_KEY_0=uploadpack.allowFilter", "GIT_CONFIG_VALUE_0=true",
		"GIT_CONFIG_KEY_1=uploadpack.allowAnySHA1InWant", "GIT_CONFIG_VALUE_1=true",
	}
}

// usage is what a server has taken since it was started.
type usage struct {
	CPU  time.Duration
	Peak int64 // bytes of memory: for cgiServer, of the largest child that has ended
}

func writeUsage(w http.ResponseWriter, _ *http.Request) {
	var own, children syscall.Rusage
	if err := errors.Join(syscall.Getrusage(syscall.RUSAGE_SELF, &own), syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children)); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sum := own.Utime.Nano() + own.Stime.Nano() + children.Utime.Nano() + children.Stime.Nano()
	json.NewEncoder(w).Encode(usage{CPU: time.Duration(sum), Peak: int64(children.Maxrss) << 10})
}

// cgiPeer is a cgiServer that was started.
type cgiPeer struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	addr string
}

// startCGI serves the repository. A peer is for one row: the size of its largest
// child cannot be reset.
func startCGI(name, repo string, wrap func([]string) []string) (*cgiPeer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	line := wrap([]string{self, "cgi", repo})
	p := &cgiPeer{name: name, cmd: exec.Command(line[0], line[1:]...)}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("the host of git http-backend did not start: %w", err)
	}
	p.addr = strings.TrimSpace(addr)
	return p, nil
}

func (p *cgiPeer) stop() {
	p.in.Close()
	p.cmd.Wait()
}

func (p *cgiPeer) title() string   { return p.name }
func (p *cgiPeer) address() string { return p.addr }
func (p *cgiPeer) host() string    { return p.addr }

func (p *cgiPeer) usage(ctx context.Context) (u usage, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+usagePath, http.NoBody)
	if err != nil {
		return u, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return u, err
	}
	defer res.Body.Close()
	return u, json.NewDecoder(res.Body).Decode(&u)
}

// A child's size is that of one clone, however many there are at once.
func (p *cgiPeer) peak(ctx context.Context, _ int) (int64, error) {
	u, err := p.usage(ctx)
	return u.Peak, err
}

// rest has nothing to reset: a peer is for one row.
func (p *cgiPeer) rest(context.Context) error { return nil }
