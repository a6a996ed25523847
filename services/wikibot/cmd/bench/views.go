package main

import (
	"bufio"
	"context"
	"encoding/gob"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// peerServer is the physical limit of page views: net/http writing the same
// bytes with the same headers from memory. It reads them from standard input.
type peerServer struct{}

type peerPage struct {
	Path   string
	Header http.Header
	Body   []byte
}

// Run serves until standard input's other end goes away.
func (p *peerServer) Run() error {
	in := bufio.NewReader(os.Stdin)
	var pages []peerPage
	if err := gob.NewDecoder(in).Decode(&pages); err != nil {
		return err
	}
	byPath := map[string]peerPage{}
	for _, p := range pages {
		byPath[p.Path] = p
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := byPath[r.URL.EscapedPath()]
		h := w.Header()
		for k, v := range p.Header {
			h[k] = v
		}
		w.Write(p.Body)
	}))
	_, err = io.Copy(io.Discard, in)
	return err
}

// views compares warm page views with the peer at 1, 16 and 64 connections.
func (b *pagesBench) views(ctx context.Context, out io.Writer, h *house) error {
	paths, err := h.pagePaths(ctx)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	paths = paths[:min(100, len(paths))]
	var pages []peerPage
	var cold []time.Duration
	for _, p := range paths {
		begin := time.Now()
		page, err := h.page(ctx, escape(p))
		if err != nil {
			return err
		}
		cold = append(cold, time.Since(begin))
		pages = append(pages, page)
	}
	peer, err := startPeer(pages)
	if err != nil {
		return err
	}
	defer peer.stop()
	fmt.Fprintf(out, "\n### Page view\n\n%d real pages, %.0f KB of HTML on average; first view of each (rendering included): median %s, worst %s.\n\n", len(pages), average(pages)/1000, ms(median(cold)), ms(slices.Max(cold)))
	row(out, "connections", "bare net/http, same bytes", "wikibot", "ratio")
	row(out, "---", "---", "---", "---")
	before := memory(h.cmd.Process.Pid)
	urls := make([]string, len(pages))
	for i, p := range pages {
		urls[i] = p.Path
	}
	for _, conns := range []int{1, 16, 64} {
		var ours, theirs []float64
		for range 3 { // alternating, so that whatever else the machine does meets both
			a, err := load(ctx, peer.addr, h.wikiHost, urls, conns, b.Length)
			if err != nil {
				return fmt.Errorf("peer: %w", err)
			}
			c, err := load(ctx, h.addr(), h.wikiHost, urls, conns, b.Length)
			if err != nil {
				return fmt.Errorf("wikibot: %w", err)
			}
			theirs, ours = append(theirs, a), append(ours, c)
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		row(out, conns, fmt.Sprintf("%.0f/s", theirs[1]), fmt.Sprintf("%.0f/s", ours[1]), fmt.Sprintf("%.2f", ours[1]/theirs[1]))
	}
	fmt.Fprintf(out, "\nMemory of the server: %.0f MiB before, %.0f MiB after.\n", before, memory(h.cmd.Process.Pid))
	return nil
}

func (h *house) page(ctx context.Context, path string) (peerPage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.addr()+path, http.NoBody)
	if err != nil {
		return peerPage{}, err
	}
	req.Host = h.wikiHost
	req.Header.Set("Accept-Encoding", "identity")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return peerPage{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return peerPage{}, fmt.Errorf("GET %s: %s, %v", path, res.Status, err)
	}
	res.Header.Del("Date") // the peer writes its own
	return peerPage{Path: path, Header: res.Header, Body: body}, nil
}

type peer struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	addr string
}

func startPeer(pages []peerPage) (*peer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &peer{cmd: exec.Command(self, "peer")}
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
	if err := gob.NewEncoder(p.in).Encode(pages); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	p.addr = strings.TrimSpace(line)
	return p, err
}

func (p *peer) stop() {
	p.in.Close()
	p.cmd.Wait()
}

func average(pages []peerPage) float64 {
	var sum int
	for _, p := range pages {
		sum += len(p.Body)
	}
	return float64(sum) / float64(len(pages))
}

func median(ds []time.Duration) time.Duration { return quantile(ds, 0.5) }

func quantile(ds []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(ds))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
