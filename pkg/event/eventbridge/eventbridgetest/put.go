package eventbridgetest

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// EventBridge's limits on PutEvents ("Amazon EventBridge quotas", "Calculating
// PutEvents event entry size").
const (
	maxEntries    = 10
	maxEntryBytes = 256 << 10 // an entry, and a request's entries together, are smaller
	timeBytes     = 14
	maxDetailType = 128
)

type putRequest struct {
	Entries []putEntry
}

type putEntry struct {
	Source, DetailType, Detail string
	EventBusName               string
	Resources                  []string
	Time                       *float64 // seconds since 1970
	TraceHeader                string
}

type putResult struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

func (e putEntry) size() int {
	n := len(e.Source) + len(e.DetailType) + len(e.Detail)
	for _, r := range e.Resources {
		n += len(r)
	}
	if e.Time != nil {
		n += timeBytes
	}
	return n
}

// ServeHTTP answers PutEvents.
func (b *Bus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AWSEvents.")
	if r.Method != http.MethodPost || !ok || action != "PutEvents" {
		fail(w, json11, http.StatusBadRequest, "UnknownOperationException", "only PutEvents is understood")
		return
	}
	b.note(func(c *Counters) { c.Requests++ })
	var req putRequest
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err == nil {
		err = json.Unmarshal(body, &req)
	}
	if err != nil {
		fail(w, json11, http.StatusBadRequest, "SerializationException", err.Error())
		return
	}
	if code, msg := b.invalid(req); code != "" {
		fail(w, json11, http.StatusBadRequest, code, msg)
		return
	}
	if b.happens(func(c Chaos) float64 { return c.Refuse }) {
		b.failByChance(w)
		return
	}
	results, failed := b.accept(req.Entries)
	if b.happens(func(c Chaos) float64 { return c.Forget }) {
		b.failByChance(w)
		return
	}
	answer(w, json11, map[string]any{"FailedEntryCount": failed, "Entries": results})
}

func (b *Bus) failByChance(w http.ResponseWriter) {
	b.note(func(c *Counters) { c.Refused++ })
	if b.happens(func(Chaos) float64 { return 0.5 }) {
		fail(w, json11, http.StatusInternalServerError, "InternalException", "try again")
		return
	}
	fail(w, json11, http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
}

// invalid says why a request fails as a whole, or "".
func (b *Bus) invalid(req putRequest) (code, msg string) {
	if n := len(req.Entries); n < 1 || n > maxEntries {
		return "ValidationException", "a request has 1 to 10 entries"
	}
	total, complete := 0, false
	for _, e := range req.Entries {
		total += e.size()
		complete = complete || (e.Source != "" && e.DetailType != "" && e.Detail != "")
		if !b.names(e.EventBusName) {
			return "ResourceNotFoundException", "event bus " + e.EventBusName + " does not exist"
		}
	}
	switch {
	case !complete:
		return "ValidationException", "no entry has Source, DetailType and Detail"
	case total >= maxEntryBytes:
		return "ValidationException", "total size of the entries in the request is over the limit"
	}
	return "", ""
}

func (b *Bus) accept(entries []putEntry) (results []putResult, failed int) {
	for _, e := range entries {
		result, event := b.admit(e)
		results = append(results, result)
		if result.ErrorCode != "" {
			failed++
			b.note(func(c *Counters) { c.Unaccepted++ })
			continue
		}
		b.mu.Lock()
		b.count.Accepted++
		b.archive = append(b.archive, event)
		b.mu.Unlock()
		b.route(event)
	}
	return results, failed
}

func (b *Bus) admit(e putEntry) (putResult, Event) {
	var detail bytes.Buffer
	switch {
	case e.Source == "" || e.DetailType == "" || e.Detail == "":
		return putResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Source, DetailType and Detail are required."}, Event{}
	case len([]rune(e.DetailType)) > maxDetailType:
		return putResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter DetailType is too long."}, Event{}
	case strings.HasPrefix(e.Source, "aws."):
		return putResult{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}, Event{}
	case !strings.HasPrefix(strings.TrimSpace(e.Detail), "{") || json.Compact(&detail, []byte(e.Detail)) != nil:
		return putResult{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}, Event{}
	case b.happens(func(c Chaos) float64 { return c.RefuseEntry }):
		if b.happens(func(Chaos) float64 { return 0.5 }) {
			return putResult{ErrorCode: "ThrottlingException", ErrorMessage: "Rate exceeded"}, Event{}
		}
		return putResult{ErrorCode: "InternalFailure", ErrorMessage: "try again"}, Event{}
	}
	event := Event{
		ID: uuid.NewString(), Source: e.Source, DetailType: e.DetailType,
		Time: time.Now(), Resources: e.Resources, Detail: detail.Bytes(),
	}
	if e.Time != nil {
		sec, frac := math.Modf(*e.Time)
		event.Time = time.Unix(int64(sec), int64(frac*1e9))
	}
	return putResult{EventID: event.ID}, event
}

// The media types of AWS's two JSON protocols.
const (
	json10 = "application/x-amz-json-1.0"
	json11 = "application/x-amz-json-1.1"
)

func answer(w http.ResponseWriter, media string, v any) {
	w.Header().Set("Content-Type", media)
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, media string, status int, code, msg string) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": msg})
}
