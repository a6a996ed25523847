// Command probe is the function that the tests of package runtimeapi run: it
// tells what it was asked, and misbehaves on demand.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/event"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/lambdakit"
	"wikibot.io/pkg/web"
)

func main() {
	switch os.Getenv("PROBE") {
	case "crash at init":
		fmt.Println("probe: gives up")
		os.Exit(3)
	case "rude":
		rude()
	}
	log := lambdakit.NewLog(os.Stdout, slog.LevelDebug)
	lambdakit.Start(lambdakit.Function{
		Service: "probe", Log: log,
		HTTP: handler(log), Edge: strings.Split(os.Getenv("PROBE_EDGE_KEYS"), ","),
		Subscriptions: []event.Subscription{
			{Name: "probe.ok", Handle: func(context.Context, *eventsv1.Envelope) error { return nil }},
			{Name: "probe.busy", Handle: func(context.Context, *eventsv1.Envelope) error {
				return fault.New(fault.Unavailable, "probe is busy")
			}},
			{Name: "probe.recovers", Handle: failFirst(2)},
			{Name: "probe.panics", Handle: func(context.Context, *eventsv1.Envelope) error { panic("probe panics") }},
		},
		Schedules: map[string]func(context.Context) error{"tick": func(context.Context) error { return nil }},
		Stream: func(_ context.Context, b lambdaevents.DynamoDBEvent) (lambdaevents.DynamoDBEventResponse, error) {
			var res lambdaevents.DynamoDBEventResponse
			for _, r := range b.Records {
				if r.EventName == "REMOVE" {
					res.BatchItemFailures = append(res.BatchItemFailures, lambdaevents.DynamoDBBatchItemFailure{ItemIdentifier: r.Change.SequenceNumber})
				}
			}
			return res, nil
		},
	})
}

func failFirst(n int) event.Handler {
	return func(context.Context, *eventsv1.Envelope) error {
		if n--; n >= 0 {
			return fault.New(fault.Unavailable, "probe is busy")
		}
		return nil
	}
}

// Echo is what /echo answers: the request as the service saw it.
type Echo struct {
	Method, Host, RemoteAddr, RequestURI, Path, EscapedPath, Query string
	ContentLength                                                  int64
	Header                                                         http.Header
	Body                                                           []byte
}

func handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/-/stream", stream)
	mux.HandleFunc("/-/answer", answer)
	mux.HandleFunc("/-/big", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		_, _ = io.CopyN(w, zeros{}, int64(n))
	})
	mux.HandleFunc("/-/panic", func(http.ResponseWriter, *http.Request) { panic("probe panics") })
	mux.HandleFunc("/-/panic/half", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "half an ans")
		http.NewResponseController(w).Flush()
		panic("probe panics")
	})
	mux.HandleFunc("/-/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/-/abort/half", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "half an ans")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/-/patient", func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		http.Error(w, "out of time", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/-/hang", func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) })
	mux.HandleFunc("/-/hang/half", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "half an ans")
		http.NewResponseController(w).Flush()
		time.Sleep(time.Hour)
	})
	mux.HandleFunc("/-/exit", func(http.ResponseWriter, *http.Request) { os.Exit(7) })
	mux.HandleFunc("/-/take", take)
	mux.HandleFunc("/-/env", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(os.Environ())
	})
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/-/") {
			echo(w, r) // the mux would tidy paths up
			return
		}
		mux.ServeHTTP(w, r)
	})
	// A service stands behind Stack; what that leaves to the shim is asked for
	// without it.
	stacked := web.Stack(log, bare)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Bare") != "" {
			bare.ServeHTTP(w, r)
			return
		}
		stacked.ServeHTTP(w, r)
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(Echo{
		r.Method, r.Host, r.RemoteAddr, r.RequestURI, r.URL.Path, r.URL.EscapedPath(), r.URL.RawQuery, r.ContentLength, r.Header, body,
	})
}

// stream sends two chunks, the second when the address in the query answers.
func stream(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, "one")
	if err := http.NewResponseController(w).Flush(); err != nil {
		panic(err)
	}
	res, err := http.Get(r.URL.Query().Get("until"))
	if err != nil {
		panic(err)
	}
	res.Body.Close()
	fmt.Fprint(w, "two")
}

// answer answers with the status, header fields and body of the query.
func answer(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for _, field := range q["h"] {
		name, v, _ := strings.Cut(field, ":")
		w.Header().Add(name, v)
	}
	status, _ := strconv.Atoi(q.Get("status"))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, q.Get("body"))
}

// taken is what take took.
var taken []byte

// take takes memory and leaves a file in the temporary folder, of as many bytes
// as the query says.
func take(_ http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	taken = bytes.Repeat([]byte("x"), n)
	if err := os.WriteFile(filepath.Join(os.TempDir(), "taken"), taken, 0o600); err != nil {
		panic(err)
	}
}

// rude breaks the Runtime API's rules as the payload says.
func rude() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	for {
		res, err := http.Get(base + "invocation/next")
		if err != nil {
			os.Exit(0)
		}
		payload, _ := io.ReadAll(res.Body)
		res.Body.Close()
		id := res.Header.Get("Lambda-Runtime-Aws-Request-Id")
		post := func(path, contentType, body string) {
			res, err := http.Post(base+path, contentType, strings.NewReader(body))
			if err == nil {
				fmt.Println("probe:", path[strings.LastIndex(path, "/"):], res.StatusCode)
				res.Body.Close()
			}
		}
		switch how, _, _ := strings.Cut(strings.Trim(string(payload), `"`), ":"); how {
		case "silent":
		case "twice":
			post("invocation/"+id+"/response", "application/json", `"first"`)
			post("invocation/"+id+"/response", "application/json", `"second"`)
		case "other":
			post("invocation/00000000-0000-0000-0000-000000000000/response", "application/json", `"stolen"`)
			post("invocation/"+id+"/response", "application/json", `"mine"`)
		case "big":
			post("invocation/"+id+"/response", "application/json", strings.Repeat(" ", 6<<20)+"1")
		case "init error":
			post("init/error", "application/json", `{"errorType":"Probe.NoDisk","errorMessage":"there is no disk"}`)
			os.Exit(1)
		default: // a request of a function URL: answer with nonsense
			post("invocation/"+id+"/response", "application/vnd.awslambda.http-integration-response", `{"statusCode":"none"`)
		}
	}
}
