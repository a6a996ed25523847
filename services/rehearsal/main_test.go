package rehearsal_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"wikibot.io/pkg/records/dynamo/dynamolocal"
	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/visitor"
)

// emulator serves the tables of all tests; each rehearsal has its own.
var emulator *dynamolocal.Server

func TestMain(m *testing.M) {
	var err error
	if emulator, err = dynamolocal.Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	emulator.Close()
	os.Exit(code)
}

// speed makes the minutes between Lambda's retries a fraction of a second.
const speed = 300

// options are those of a rehearsal of the golden templates.
func options() (rehearsal.Options, error) {
	root, err := rehearsal.Repository()
	return rehearsal.Options{
		Templates: root + "/" + rehearsal.Templates, Source: root, App: root + "/" + rehearsal.App,
		Emulator: emulator, Speed: speed, Seed: 1, Log: slog.New(slog.DiscardHandler),
	}, err
}

// start brings a fleet up for one test. What the functions wrote is shown when
// the test fails.
func start(t *testing.T, set ...func(*rehearsal.Options)) *rehearsal.Rehearsal {
	t.Helper()
	o, err := options()
	if err != nil {
		t.Fatal(err)
	}
	said := &tail{}
	o.Data, o.Output, o.Log = t.TempDir(), said, slog.New(slog.NewTextHandler(said, nil))
	for _, f := range set {
		f(&o)
	}
	r, err := rehearsal.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if t.Failed() {
			t.Logf("the end of what was logged:\n%s", said)
		}
	})
	return r
}

func signUp(t *testing.T, r *rehearsal.Rehearsal, name string, public bool) *visitor.Visitor {
	t.Helper()
	v, err := visitor.SignUp(t.Context(), r.URL(), name, public)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// settle waits until all events are delivered.
func settle(t *testing.T, r *rehearsal.Rehearsal) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := r.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// tail keeps the end of what is written.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailSize = 32 << 10

func (l *tail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buf.Len() > tailSize {
		l.buf.Next(l.buf.Len() - tailSize/2)
	}
	return l.buf.Write(b)
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
