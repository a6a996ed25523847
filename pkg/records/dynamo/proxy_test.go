package dynamo_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"wikibot.io/pkg/records/dynamo/tables"
)

// trouble is what happens to one request on its way.
type trouble string

// The troubles.
const (
	none     trouble = ""
	throttle trouble = "the table is throttled"
	broken   trouble = "the server has an internal error"
	garbage  trouble = "something between answers with a page of its own"
	dropped  trouble = "the connection breaks before the request arrives"
	lost     trouble = "the request takes effect and its answer is lost"
	conflict trouble = "another transaction is underway"
)

// every is all of them.
var every = []trouble{throttle, broken, garbage, dropped, lost, conflict}

// proxy stands between stores and the emulator.
type proxy struct {
	*httptest.Server
	// decide is asked about each request, one at a time; nil for no trouble.
	decide func(*request) trouble
	// after is called when a request took effect, before its answer goes out.
	after func(*request)

	mu   sync.Mutex
	seen []*request
}

// request is one that passed.
type request struct {
	op    string // "UpdateItem"
	did   []action
	units float64 // capacity used
}

// action is what a part of a request does to a table, as IAM names it.
type action struct {
	table string
	name  string
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	p := new(proxy)
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// through makes a client use the proxy.
func (p *proxy) through(o *dynamodb.Options) { o.BaseEndpoint = aws.String(p.URL) }

// taken returns the requests since it was last called.
func (p *proxy) taken() []*request {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.seen
	p.seen = nil
	return out
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	req := &request{op: op}
	body = req.read(body)
	p.mu.Lock()
	p.seen = append(p.seen, req)
	what := none
	if p.decide != nil {
		what = p.decide(req)
	}
	p.mu.Unlock()
	fail := func(status int, body string) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
	switch what {
	case throttle:
		fail(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slower"}`)
	case broken:
		fail(500, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"oh"}`)
	case garbage:
		fail(502, `<html>Bad gateway</html>`)
	case conflict:
		if op == "TransactWriteItems" {
			fail(400, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"no","CancellationReasons":[{"Code":"TransactionConflict"},{"Code":"ConditionalCheckFailed"}]}`)
		} else {
			fail(400, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"no"}`)
		}
	case dropped:
		panic(http.ErrAbortHandler)
	default:
		p.forward(w, r, req, body, what == lost)
	}
}

func (p *proxy) forward(w http.ResponseWriter, r *http.Request, req *request, body []byte, lose bool) {
	out, err := http.NewRequest(r.Method, server.Endpoint, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding")
	res, err := http.DefaultClient.Do(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	p.mu.Lock()
	req.weigh(answer)
	p.mu.Unlock()
	if p.after != nil {
		p.after(req)
	}
	if lose {
		panic(http.ErrAbortHandler)
	}
	for _, h := range []string{"Content-Type", "X-Amz-Crc32", "X-Amzn-Requestid"} {
		if v := res.Header.Get(h); v != "" {
			w.Header().Set(h, v)
		}
	}
	w.WriteHeader(res.StatusCode)
	_, _ = w.Write(answer)
}

// part is a request or a part of a transaction.
type part struct {
	TableName     string
	RequestItems  map[string]any
	TransactItems []map[string]part
}

// read finds out what the request does, and asks what it costs.
func (r *request) read(body []byte) []byte {
	var whole part
	if json.Unmarshal(body, &whole) != nil {
		return body
	}
	if whole.TableName != "" {
		r.did = append(r.did, action{whole.TableName, r.op})
	}
	for table := range whole.RequestItems {
		r.did = append(r.did, action{table, r.op})
	}
	for _, item := range whole.TransactItems {
		for kind, p := range item {
			name := map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}[kind]
			r.did = append(r.did, action{p.TableName, name})
		}
	}
	var plain map[string]any
	if json.Unmarshal(body, &plain) != nil {
		return body
	}
	plain["ReturnConsumedCapacity"] = "TOTAL"
	asking, err := json.Marshal(plain)
	if err != nil {
		return body
	}
	return asking
}

func (r *request) weigh(answer []byte) {
	type consumed struct{ CapacityUnits float64 }
	var one struct{ ConsumedCapacity consumed }
	var many struct{ ConsumedCapacity []consumed }
	if json.Unmarshal(answer, &one) == nil {
		r.units = one.ConsumedCapacity.CapacityUnits
	} else if json.Unmarshal(answer, &many) == nil {
		for _, c := range many.ConsumedCapacity {
			r.units += c.CapacityUnits
		}
	}
}

// actions lists what requests did, by the tables' own names.
func actions(names map[tables.Name]string, requests []*request) tables.Actions {
	out := tables.Actions{}
	for _, r := range requests {
		for _, a := range r.did {
			for n, full := range names {
				if full == a.table && !slices.Contains(out[n], a.name) {
					out[n] = append(out[n], a.name)
				}
			}
		}
	}
	for n := range out {
		slices.Sort(out[n])
	}
	return out
}
