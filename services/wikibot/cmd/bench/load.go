package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// load asks for the paths in turn over that many kept-alive connections, each
// with one request under way, and returns requests per second. It speaks just
// enough HTTP/1.1 to count answers, so that on a machine shared with the server
// the server's work, not the client's, decides.
func load(ctx context.Context, addr, host string, paths []string, conns int, length time.Duration) (float64, error) {
	requests := make([][]byte, len(paths))
	for i, p := range paths {
		requests[i] = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", p, host)
	}
	return send(ctx, addr, requests, conns, length)
}

// send is load with requests as they stand.
func send(ctx context.Context, addr string, requests [][]byte, conns int, length time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var done atomic.Int64
	var all sync.WaitGroup
	errs := make(chan error, conns)
	begin := time.Now()
	for c := range conns {
		all.Go(func() {
			n, err := drive(ctx, addr, requests, c)
			done.Add(n)
			if err != nil {
				errs <- err
			}
		})
	}
	all.Wait()
	took := time.Since(begin)
	select {
	case err := <-errs:
		return 0, err
	default:
		return float64(done.Load()) / took.Seconds(), nil
	}
}

func drive(ctx context.Context, addr string, requests [][]byte, from int) (int64, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 256<<10)
	var n int64
	for i := from; ctx.Err() == nil; i++ {
		if _, err := conn.Write(requests[i%len(requests)]); err != nil {
			return n, err
		}
		if err := answer(r); err != nil {
			return n, fmt.Errorf("%w for %q", err, requests[i%len(requests)])
		}
		n++
	}
	return n, nil
}

var contentLength = []byte("content-length:")

// answer reads one response with a Content-Length and drops its body.
func answer(r *bufio.Reader) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
		return fmt.Errorf("answer %q", bytes.TrimSpace(line))
	}
	length := -1
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if len(line) > len(contentLength) && bytes.EqualFold(line[:len(contentLength)], contentLength) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):]))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return fmt.Errorf("an answer has no Content-Length")
	}
	_, err = io.CopyN(io.Discard, r, int64(length))
	return err
}
