package parameters

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"wikibot.io/pkg/fault"
)

// store answers as Parameter Store does.
type store struct {
	mu    sync.Mutex
	value string // "": there is no such parameter
	down  bool
	calls int
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	var in struct {
		Name           string
		WithDecryption bool
	}
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch {
	case s.down:
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"__type":"InternalServerError","message":"it is down"}`)
	case json.Unmarshal(body, &in) != nil || r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" || !in.WithDecryption || in.Name != "/wikibot/test/sign-in" || s.value == "":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"ParameterNotFound"}`)
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{"Name": in.Name, "Type": "SecureString", "Value": s.value}})
	}
}

func (s *store) set(value string, down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value, s.down = value, down
}

func (s *store) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func open(t *testing.T) (*store, *Parameter, *time.Time) {
	t.Helper()
	s := &store{value: "hunter2"}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	client := ssm.New(ssm.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
	p, err := New(client, "/wikibot/test/sign-in")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	p.now = func() time.Time { return now }
	return s, p, &now
}

func want(t *testing.T, p *Parameter, value string) {
	t.Helper()
	if got, err := p.Value(t.Context()); err != nil || got != value {
		t.Fatalf("value %q, %v, want %q", got, err, value)
	}
}

func TestAChangeIsSeen(t *testing.T) {
	s, p, now := open(t)
	want(t, p, "hunter2")
	s.set("hunter3", false)
	want(t, p, "hunter2") // kept
	if n := s.asked(); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	*now = now.Add(fresh)
	want(t, p, "hunter3")
}

func TestAStoreThatIsDown(t *testing.T) {
	s, p, now := open(t)
	s.set("hunter2", true)
	for range 3 {
		if _, err := p.Value(t.Context()); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("%v, want unavailable", err)
		}
	}
	if n := s.asked(); n != 1 {
		t.Errorf("asked %d times within the pause, want once", n)
	}
	s.set("hunter2", false)
	*now = now.Add(pause)
	want(t, p, "hunter2")
	s.set("hunter3", true)
	*now = now.Add(keep - time.Second)
	want(t, p, "hunter2")
	*now = now.Add(time.Second)
	if _, err := p.Value(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("%v, want unavailable: what it said is too old", err)
	}
}

// What was not found is the operator's to put right, and no secret is in the
// error: it is logged.
func TestAParameterThatIsMissing(t *testing.T) {
	s, p, _ := open(t)
	s.set("", false)
	_, err := p.Value(t.Context())
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "ParameterNotFound") {
		t.Fatalf("got %v", err)
	}
}

func TestNewChecksItsDeps(t *testing.T) {
	if _, err := New(nil, "x"); err == nil {
		t.Error("made without a client")
	}
	if _, err := New(ssm.New(ssm.Options{Region: "us-east-1"}), ""); err == nil {
		t.Error("made without a name")
	}
}
