package lambdakit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdaurl"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
)

// errBroken ends an answer of which a part went out. Lambda is told in the
// stream's trailers and breaks the connection.
var errBroken = errors.New("the answer broke off")

// serve answers a function URL's event. The response is a stream that is still
// being written when serve returns.
func (h *Handler) serve(ctx context.Context, e *lambdaevents.LambdaFunctionURLRequest) (any, error) {
	if h.f.HTTP == nil {
		return nil, errors.New("answer request: this function has no address")
	}
	var broken atomic.Bool // set before the stream ends
	wrapped := lambdaurl.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !h.answer(ctx, w, e) {
			broken.Store(true)
		}
	}))
	// lambdaurl is only to carry the answer: the request that it would make of
	// the event is not the viewer's, and for some paths it can make none.
	res, err := wrapped(ctx, &lambdaevents.LambdaFunctionURLRequest{
		RequestContext: lambdaevents.LambdaFunctionURLRequestContext{
			DomainName: "function", HTTP: lambdaevents.LambdaFunctionURLRequestContextHTTPDescription{Method: http.MethodGet},
		},
	})
	if err != nil {
		return nil, err
	}
	res.Body = &body{res.Body.(io.ReadCloser), &broken}
	return res, nil
}

// body is a response's body that ends with errBroken if it is not whole.
type body struct {
	io.ReadCloser
	broken *atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && b.broken.Load() {
		err = errBroken
	}
	return n, err
}

// answer answers one request and reports whether the answer is whole.
func (h *Handler) answer(ctx context.Context, out http.ResponseWriter, e *lambdaevents.LambdaFunctionURLRequest) (whole bool) {
	began := time.Now()
	ctx, cancel := withMargin(ctx)
	defer cancel()
	from := fields(e)
	w := newAnswer(out, e.RequestContext.HTTP.Method)
	if key := from.Values(edgeHeader); len(key) != 1 || !h.f.Edge.accept(key[0]) {
		h.refuse(ctx, w, e, began, "edge key", fault.New(fault.Denied, ""))
		return true
	}
	from.Del(edgeHeader)
	r, err := newRequest(ctx, e, from)
	if err != nil {
		h.refuse(ctx, w, e, began, err.Error(), fault.New(fault.Invalid, "read request: it is malformed"))
		return true
	}
	route := "all"
	if h.f.Route != nil {
		route = h.f.Route(r.Host, r.URL.Path)
	}
	whole = h.run(w, r)
	h.countRequest(route, w.status, whole, time.Since(began))
	return whole
}

// run calls the service. Whatever it does, the process lives.
func (h *Handler) run(w *answer, r *http.Request) (whole bool) {
	defer func() {
		p := recover()
		if p == nil {
			w.Flush()
			return
		}
		if p == http.ErrAbortHandler {
			if whole = !w.sent; whole {
				// A connection that breaks without a word cannot be had here: this
				// is what a proxy would make of it.
				w.reset()
				w.WriteHeader(http.StatusBadGateway)
				w.Flush()
			}
			return
		}
		err := fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		h.f.Log.ErrorContext(r.Context(), "request panicked", "method", r.Method, "host", r.Host, "path", r.URL.Path, "err", err)
		if whole = !w.sent; whole {
			w.reset()
			web.WriteProblem(w, r, err)
			w.Flush()
		}
	}()
	h.f.HTTP.ServeHTTP(w, r)
	return true
}

// refuse answers a request that never reaches the service, and tells the log why.
func (h *Handler) refuse(ctx context.Context, w *answer, e *lambdaevents.LambdaFunctionURLRequest, began time.Time, why string, err error) {
	h.f.Log.LogAttrs(ctx, slog.LevelInfo, "request refused", slog.String("why", why),
		slog.String("method", e.RequestContext.HTTP.Method), slog.String("source", e.RequestContext.HTTP.SourceIP))
	web.WriteProblem(w, &http.Request{Method: e.RequestContext.HTTP.Method}, err)
	w.Flush()
	h.countRequest("refused", w.status, true, time.Since(began))
}

func (h *Handler) countRequest(route string, status int, whole bool, took time.Duration) {
	class := fmt.Sprintf("%dxx", status/100)
	if !whole {
		class = "5xx" // whatever was promised
	}
	h.metrics.write(
		map[string]string{"Service": h.f.Service, "Route": route, "Class": class},
		metric{"Requests", "Count", 1, []string{"Service", "Route", "Class"}},
		metric{"Latency", "Milliseconds", milliseconds(took), []string{"Service", "Route"}},
	)
}
