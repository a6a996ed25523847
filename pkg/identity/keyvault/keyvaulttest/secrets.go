package keyvaulttest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The staging labels that Secrets Manager moves by itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// Options says how the stand-in misbehaves.
type Options struct {
	// Fail is asked before each call, by operation ("GetSecretValue"). If it says
	// true the call does nothing and answers InternalServiceError, which the SDK
	// tries again. Nil: never.
	Fail func(operation string) bool
}

// Secrets is a Secrets Manager. It is safe for concurrent use.
type Secrets struct {
	fail func(string) bool

	mu      sync.Mutex
	secrets map[string]*secret // by ARN
}

type secret struct {
	name     string
	versions map[string]*version // by id
}

type version struct {
	text    string
	created time.Time
	labels  []string
}

// New returns a Secrets Manager without secrets.
func New(o Options) *Secrets {
	if o.Fail == nil {
		o.Fail = func(string) bool { return false }
	}
	return &Secrets{fail: o.Fail, secrets: map[string]*secret{}}
}

// Create makes a secret without a value and returns its ARN. It can be addressed
// by the name as well.
func (s *Secrets) Create(name string) (arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:" + name + "-AbCdEf"
	s.secrets[arn] = &secret{name: name, versions: map[string]*version{}}
	return arn
}

// Put gives a secret a value, as somebody at the console would, and returns the
// version's id. It panics if there is no such secret.
func (s *Secrets) Put(id, text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.find(id)
	v := newVersion()
	sec.versions[v] = newText(text)
	sec.move(current, v)
	return v
}

// Set writes the text of the version of that id, which no call of Secrets Manager
// can do to one that exists. It panics if there is no such secret.
func (s *Secrets) Set(id, version, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.find(id)
	if sec.versions[version] == nil {
		sec.versions[version] = newText(text)
		sec.move(current, version)
	}
	sec.versions[version].text = text
}

// Value returns the value that is labelled as current, and whether there is one.
func (s *Secrets) Value(id string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.find(id)
	if sec == nil {
		return "", false
	}
	v := sec.versions[sec.labelled(current)]
	if v == nil {
		return "", false
	}
	return v.text, true
}

// Versions returns the values of all versions, by id.
func (s *Secrets) Versions(id string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]string{}
	if sec := s.find(id); sec != nil {
		for id, v := range sec.versions {
			all[id] = v.text
		}
	}
	return all
}

func newText(text string) *version { return &version{text: text, created: time.Now()} }

// Sweep deletes all versions without a label, which Secrets Manager may do at a
// time of its choice.
func (s *Secrets) Sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sec := range s.secrets {
		maps.DeleteFunc(sec.versions, func(_ string, v *version) bool { return len(v.labels) == 0 })
	}
}

// ServeHTTP answers one call.
func (s *Secrets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.")
	answer, known := map[string]func(*http.Request) (any, error){
		"GetSecretValue":           typed(s.getSecretValue),
		"PutSecretValue":           typed(s.putSecretValue),
		"UpdateSecretVersionStage": typed(s.updateSecretVersionStage),
	}[operation]
	switch {
	case r.Method != http.MethodPost || !ok || !known:
		write(w, nil, &failure{"UnknownOperationException", "no such operation here: " + operation})
	case s.fail(operation):
		write(w, nil, &failure{"InternalServiceError", "told to fail"})
	default:
		out, err := answer(r)
		write(w, out, err)
	}
}

// find returns the secret of that ARN or name, or nil.
func (s *Secrets) find(id string) *secret {
	if sec := s.secrets[id]; sec != nil {
		return sec
	}
	for _, sec := range s.secrets {
		if sec.name == id {
			return sec
		}
	}
	return nil
}

func (s *Secrets) arn(sec *secret) string {
	for arn, other := range s.secrets {
		if other == sec {
			return arn
		}
	}
	return ""
}

// labelled returns the id of the version with that label, or "".
func (s *secret) labelled(label string) string {
	for id, v := range s.versions {
		if slices.Contains(v.labels, label) {
			return id
		}
	}
	return ""
}

// move gives a label to a version and takes it from any other. The version that
// was the current one becomes the previous one.
func (s *secret) move(label, to string) {
	from := s.labelled(label)
	if from == to {
		return
	}
	if v := s.versions[from]; v != nil {
		v.labels = slices.DeleteFunc(v.labels, func(l string) bool { return l == label })
		if label == current {
			s.move(previous, from)
		}
	}
	if v := s.versions[to]; v != nil {
		v.labels = append(v.labels, label)
	}
}
