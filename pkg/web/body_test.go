package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/pkg/web"
)

// pipeListener serves connections that exist in memory only, so that time can be faked.
type pipeListener struct{ conns chan net.Conn }

func (l pipeListener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// A body that never ends must not hold a request for ever, but an answer may take
// as long as it takes once the body is in.
func TestSlowBodiesEndAndSlowAnswersDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outcome := make(chan string, 2)
		l := pipeListener{make(chan net.Conn, 2)}
		server := &http.Server{Handler: web.Stack(slog.New(slog.DiscardHandler), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				outcome <- "the body failed"
				return
			}
			select {
			case <-time.After(time.Hour):
				outcome <- "the answer was finished"
			case <-r.Context().Done():
				outcome <- "the answer was broken off"
			}
		}))}
		go server.Serve(l)
		send := func(body string) net.Conn {
			client, conn := net.Pipe()
			l.conns <- conn
			go io.Copy(io.Discard, client)
			fmt.Fprintf(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n%s", body)
			return client
		}
		slow := send("ab")
		defer slow.Close()
		if got := <-outcome; got != "the body failed" {
			t.Errorf("half a body: %s", got)
		}
		whole := send("abcd")
		defer whole.Close()
		if got := <-outcome; got != "the answer was finished" {
			t.Errorf("a long answer: %s", got)
		}
		close(l.conns)
		server.Shutdown(context.Background())
	})
}
