package runtimeapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// invocation is one event on its way through a process.
type invocation struct {
	id       string
	trace    string
	payload  []byte
	deadline time.Time // set when it is picked up

	picked   chan struct{}  // closed: the process has it
	response chan *response // receives the response's beginning, if there is one
	returned chan struct{}  // closed: the process asked for the next one
	done     chan struct{}  // closed: the process is idle or gone, err is final

	mu       sync.Mutex
	err      error
	answered bool // a response or an error arrived in full
	begun    bool // a response or an error began to arrive
}

// response is a response that is arriving. Its reader must read it to the end or
// close it.
type response struct {
	contentType string
	body        *io.PipeReader
}

func newInvocation(payload []byte) *invocation {
	return &invocation{
		id: requestID(), trace: traceID(), payload: payload,
		picked: make(chan struct{}), response: make(chan *response, 1), returned: make(chan struct{}), done: make(chan struct{}),
	}
}

// await returns the response as soon as it begins, or nil when there is none.
func (inv *invocation) await(ctx context.Context) *response {
	select {
	case res := <-inv.response:
		return res
	case <-ctx.Done():
		go func() {
			if res := inv.await(context.WithoutCancel(ctx)); res != nil {
				res.body.Close()
			}
		}()
		return nil
	case <-inv.done:
	}
	select {
	case res := <-inv.response:
		return res
	default:
		return nil
	}
}

// fail notes the first reason why the invocation failed.
func (inv *invocation) fail(err error) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if inv.err == nil {
		inv.err = err
	}
}

// unanswered notes that no answer will come any more, which is a failure unless
// there was one.
func (inv *invocation) unanswered(err error) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if inv.err == nil && !inv.answered {
		inv.err = err
	}
}

// begin claims the one answer that an invocation may have.
func (inv *invocation) begin() bool {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	ok := !inv.begun
	inv.begun = true
	return ok
}

func (inv *invocation) complete(err error) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.answered = true
	if inv.err == nil {
		inv.err = err
	}
}

// api is the Runtime API of one process.
func (i *instance) api() http.Handler {
	const base = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"invocation/next", i.next)
	mux.HandleFunc("POST "+base+"invocation/{id}/response", i.respond)
	mux.HandleFunc("POST "+base+"invocation/{id}/error", i.fail)
	mux.HandleFunc("POST "+base+"init/error", i.failInit)
	return mux
}

func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	if i.init == 0 {
		i.init = time.Since(i.began)
	}
	if i.current != nil {
		close(i.current.returned)
		i.current = nil
	}
	i.mu.Unlock()
	var inv *invocation
	select {
	case inv = <-i.work:
	case <-r.Context().Done():
		return
	}
	inv.deadline = time.Now().Add(i.f.cfg.Timeout)
	i.mu.Lock()
	i.current = inv
	i.invocations++
	i.mu.Unlock()
	close(inv.picked)

	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:"+i.f.cfg.Name)
	h.Set("Lambda-Runtime-Trace-Id", inv.trace)
	w.Write(inv.payload)
}

// claim finds the invocation that a request answers, if it may.
func (i *instance) claim(w http.ResponseWriter, r *http.Request) *invocation {
	i.mu.Lock()
	inv := i.current
	i.mu.Unlock()
	if inv == nil || r.PathValue("id") != inv.id || !inv.begin() {
		apiAnswer(w, http.StatusBadRequest, "InvalidRequestID", "this invocation is not waiting for an answer")
		return nil
	}
	return inv
}

func (i *instance) respond(w http.ResponseWriter, r *http.Request) {
	inv := i.claim(w, r)
	if inv == nil {
		return
	}
	pr, pw := io.Pipe()
	inv.response <- &response{r.Header.Get("Content-Type"), pr}
	if _, err := io.Copy(&forgiving{w: pw}, r.Body); err != nil {
		pw.CloseWithError(fmt.Errorf("the response broke off: %w", err))
		return
	}
	err := streamError(r.Trailer)
	inv.complete(err)
	i.mu.Lock()
	if i.first == 0 {
		i.first = time.Since(i.began)
	}
	i.mu.Unlock()
	pw.CloseWithError(err)
	apiAnswer(w, http.StatusAccepted, "", "")
}

// streamError reads the trailers by which a function says that a response which
// had begun has failed.
func streamError(trailer http.Header) error {
	kind := trailer.Get("Lambda-Runtime-Function-Error-Type")
	if kind == "" {
		return nil
	}
	body, err := base64.StdEncoding.DecodeString(trailer.Get("Lambda-Runtime-Function-Error-Body"))
	if err != nil {
		return &FunctionError{Type: kind, Message: "the response broke off"}
	}
	e := reported(body)
	e.Type = kind
	return e
}

func (i *instance) fail(w http.ResponseWriter, r *http.Request) {
	inv := i.claim(w, r)
	if inv == nil {
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBuffered))
	if err != nil {
		return // the process is gone, which is noticed elsewhere
	}
	inv.complete(reported(body))
	apiAnswer(w, http.StatusAccepted, "", "")
}

func (i *instance) failInit(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBuffered))
	if err != nil {
		return
	}
	e := reported(body)
	e.Type = cmp.Or(e.Type, r.Header.Get("Lambda-Runtime-Function-Error-Type"), "Runtime.Unknown")
	i.mu.Lock()
	i.initError = e
	i.mu.Unlock()
	apiAnswer(w, http.StatusAccepted, "", "")
}

// reported decodes an error as runtimes report it.
func reported(body []byte) *FunctionError {
	var e struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(body, &e) != nil {
		return &FunctionError{Type: "Runtime.Unknown", Message: string(body)}
	}
	return &FunctionError{e.Type, e.Message}
}

func apiAnswer(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if kind == "" {
		io.WriteString(w, `{"status":"OK"}`)
		return
	}
	json.NewEncoder(w).Encode(map[string]string{"errorType": kind, "errorMessage": message})
}

// forgiving drops what is written after its reader has gone: a function is not
// told that nobody listens any more.
type forgiving struct {
	w    *io.PipeWriter
	gone bool
}

func (f *forgiving) Write(p []byte) (int, error) {
	if !f.gone {
		_, err := f.w.Write(p)
		f.gone = err != nil
	}
	return len(p), nil
}
