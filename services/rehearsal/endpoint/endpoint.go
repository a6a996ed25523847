package endpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"wikibot.io/services/rehearsal/chaos"
	"wikibot.io/services/rehearsal/iam"
)

// Caller is a function as AWS's APIs see it.
type Caller struct {
	Name   string // the function's name
	Role   string // ARN of the role that it acts in
	Policy iam.Policy
	// Network is what the network that the function lives in lets through, nil if
	// everything: a function in a VPC reaches only what has an endpoint there, and
	// of that only what the endpoint's policy allows.
	Network *iam.Policy
}

// decide returns nil if the function may make the call and can.
func (c Caller) decide(call iam.Request) error {
	if err := c.Policy.Decide(call); err != nil {
		return err
	}
	if c.Network != nil {
		if err := c.Network.Decide(call); err != nil {
			return fmt.Errorf("%w (by way of its VPC's endpoints)", err)
		}
	}
	return nil
}

// Deps is what an endpoint stands on.
type Deps struct {
	API     API
	Next    http.Handler
	Callers map[string]Caller // by access key id
	Dice    *chaos.Dice
	Meter   *Meter
	Log     *slog.Logger
}

// Endpoint is the door of one API.
type Endpoint struct{ Deps }

// New returns the door.
func New(d Deps) (*Endpoint, error) {
	if d.API == nil || d.Next == nil || d.Dice == nil || d.Meter == nil || d.Log == nil {
		return nil, errors.New("endpoint: API, Next, Dice, Meter and Log are needed")
	}
	return &Endpoint{d}, nil
}

// maxBody is more than any API here takes: DynamoDB's limit is 16 MB.
const maxBody = 17 << 20

func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		e.answer(w, e.API.Error(http.StatusBadRequest, "SerializationException", "the body ended early"))
		return
	}
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	caller, ok := e.Callers[accessKey(r.Header.Get("Authorization"))]
	if !ok {
		e.Log.Warn("a call by nobody known", "action", action)
		e.answer(w, e.API.Error(http.StatusBadRequest, "UnrecognizedClientException", "The security token included in the request is invalid."))
		return
	}
	calls, err := e.API.Calls(action, body)
	if err != nil {
		e.Log.Warn("a call that cannot be judged", "function", caller.Name, "action", action, "err", err)
		e.answer(w, e.API.Error(http.StatusBadRequest, "ValidationException", err.Error()))
		return
	}
	for _, call := range calls {
		if err := caller.decide(call); err != nil {
			e.Meter.denied(caller.Name, call)
			e.Log.Warn("call refused by the function's own policy", "function", caller.Name, "action", call.Action, "resource", call.Resource)
			e.deny(w, caller, err)
			return
		}
	}
	e.perform(w, r, caller, action, calls, body)
}

func (e *Endpoint) deny(w http.ResponseWriter, caller Caller, why error) {
	e.answer(w, e.API.Error(http.StatusBadRequest, "AccessDeniedException", fmt.Sprintf("User: %s %v", caller.Role, why)))
}

// perform does an allowed call, or fails it as the dice say.
func (e *Endpoint) perform(w http.ResponseWriter, r *http.Request, caller Caller, action string, calls []iam.Request, body []byte) {
	fault, delay := e.Dice.Roll(caller.Name)
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		}
	}
	if fault == chaos.Deny && len(calls) > 0 {
		e.Meter.failed(caller.Name, action, calls)
		e.deny(w, caller, &iam.Denied{Request: calls[0]})
		return
	}
	if refusal, ok := e.API.Fault(fault, action, len(calls)); ok {
		e.Meter.failed(caller.Name, action, calls)
		e.answer(w, refusal)
		return
	}
	req := r.Clone(r.Context())
	body = e.API.Prepare(action, body)
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	req.Header.Set("Content-Length", fmt.Sprint(len(body)))
	held := &heldAnswer{header: http.Header{}, status: http.StatusOK}
	e.Next.ServeHTTP(held, req)
	e.Meter.done(caller.Name, action, calls, e.API.Consumed(action, held.body.Bytes()))
	if fault == chaos.Lose {
		e.Meter.failed(caller.Name, action, calls)
		panic(http.ErrAbortHandler) // ends the connection without an answer
	}
	header := w.Header()
	for k, v := range held.header {
		header[k] = v
	}
	w.WriteHeader(held.status)
	_, _ = w.Write(held.body.Bytes())
}

// heldAnswer keeps an answer until it is known whether it is to be sent.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *heldAnswer) Header() http.Header         { return h.header }
func (h *heldAnswer) WriteHeader(status int)      { h.status = status }
func (h *heldAnswer) Write(b []byte) (int, error) { return h.body.Write(b) }

// Refusal is an error answer of an API.
type Refusal struct {
	Status int
	Body   any
}

func (e *Endpoint) answer(w http.ResponseWriter, f Refusal) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", "rehearsal")
	w.WriteHeader(f.Status)
	_ = json.NewEncoder(w).Encode(f.Body)
}

// accessKey returns the access key id of a signature version 4, or "".
func accessKey(authorization string) string {
	_, credential, ok := strings.Cut(authorization, "Credential=")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(credential, "/")
	return id
}
