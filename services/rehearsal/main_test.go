package rehearsal_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"wikibot.io/pkg/records/dynamo/dynamolocal"
	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/visitor"
)

// What the tests share: the emulator, in which each rehearsal has tables of its
// own, and the binaries.
var (
	emulator   *dynamolocal.Server
	repository string
	binaries   *rehearsal.Binaries
)

func TestMain(m *testing.M) {
	var err error
	if repository, err = rehearsal.Repository(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binaries = rehearsal.NewBinaries(repository, repository+"/"+rehearsal.Built)
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
func options(log io.Writer) rehearsal.Options {
	return rehearsal.Options{
		Templates: repository + "/" + rehearsal.Templates, App: repository + "/" + rehearsal.App, Binaries: binaries,
		Emulator: emulator, Speed: speed, Seed: 1, Log: slog.New(slog.NewTextHandler(log, nil)), Output: log,
	}
}

// start brings a fleet up for one test. What the functions wrote is shown when
// the test fails.
func start(t *testing.T, set ...func(*rehearsal.Options)) *rehearsal.Rehearsal {
	t.Helper()
	said := &tail{}
	o := options(said)
	o.Data = t.TempDir()
	for _, f := range set {
		f(&o)
	}
	r, err := rehearsal.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, r, said) })
	return r
}

// end closes a rehearsal and judges it. Whatever was tried, no function may have
// taken more than it has.
func end(t *testing.T, r *rehearsal.Rehearsal, said *tail) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := r.Overruns(); err != nil {
		t.Error(err)
	}
	for _, f := range r.Functions() {
		if memory, scratch := f.Used(); memory > 0 {
			t.Logf("%s: at most %d of %d MB of memory, %d KB of %d MB of scratch", f.Service, memory>>20, f.Memory, scratch>>10, f.Scratch)
		}
	}
	if t.Failed() {
		t.Logf("the end of what was logged:\n%s", said)
	}
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
