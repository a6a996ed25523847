package endpoint

import (
	"maps"
	"strings"
	"sync"

	"wikibot.io/services/rehearsal/iam"
)

// Kind is what is counted apart.
type Kind struct {
	Function string
	Action   string // of the API: "TransactWriteItems"
	Resource string // the table, bus, queue or secret; of several, the first
}

// Count is what happened since the meter was last reset.
type Count struct {
	Calls  int
	Failed int     // on purpose
	Units  float64 // consumed read or write capacity units, by the kind of action
}

// Meter counts calls. It is safe for concurrent use.
type Meter struct {
	mu      sync.Mutex
	counts  map[Kind]Count
	refused []Refused
}

// Refused is a call that the caller's own policy did not allow.
type Refused struct {
	Function string
	Call     iam.Request
}

// NewMeter returns a meter at zero.
func NewMeter() *Meter { return &Meter{counts: map[Kind]Count{}} }

// Counts returns what was counted.
func (m *Meter) Counts() map[Kind]Count {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.counts)
}

// Refused returns all calls that policies did not allow, whenever they were.
func (m *Meter) Refused() []Refused {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Refused(nil), m.refused...)
}

// Reset sets the counts to zero.
func (m *Meter) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.counts)
}

func (m *Meter) denied(function string, call iam.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused = append(m.refused, Refused{function, call})
}

func (m *Meter) failed(function, action string, calls []iam.Request) {
	m.add(Kind{function, action, resource(calls)}, Count{Failed: 1})
}

func (m *Meter) done(function, action string, calls []iam.Request, units map[string]float64) {
	m.add(Kind{function, action, resource(calls)}, Count{Calls: 1})
	for table, u := range units {
		m.add(Kind{function, action, table}, Count{Units: u})
	}
}

func (m *Meter) add(k Kind, c Count) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := m.counts[k]
	m.counts[k] = Count{sum.Calls + c.Calls, sum.Failed + c.Failed, sum.Units + c.Units}
}

// resource is the name at the end of the first call's ARN.
func resource(calls []iam.Request) string {
	if len(calls) == 0 {
		return ""
	}
	arn := calls[0].Resource
	if _, table, ok := strings.Cut(arn, ":table/"); ok {
		name, _, _ := strings.Cut(table, "/")
		return name
	}
	return arn[strings.LastIndexAny(arn, ":/")+1:]
}
