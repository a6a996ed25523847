package signing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keyvault"
	"wikibot.io/pkg/identity/keyvault/keyvaulttest"
	"wikibot.io/pkg/identity/keyvault/signing"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/dynamolocal"
	"wikibot.io/pkg/records/dynamo/tables"
	"wikibot.io/pkg/web"
)

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

// world is an installation: its table and its secret.
type world struct {
	table   string
	secrets *keyvaulttest.Secrets
	secret  string
	hosts   web.Hosts
	maxAge  time.Duration

	mu  sync.Mutex
	now time.Time // by the clock of vaults that have no other
}

var worlds atomic.Int32

// placeholder is what a deployment gives the secret at first.
const placeholder = `{"keys":[]}`

func newWorld(t *testing.T) *world {
	t.Helper()
	names, err := dynamolocal.CreateTables(t.Context(), emulator.DynamoDB(), fmt.Sprintf("w%d-", worlds.Add(1)), tables.Keys)
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := web.NewHosts("https://wikibot.io")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{table: names[tables.Keys], secrets: keyvaulttest.New(keyvaulttest.Options{}), hosts: hosts, maxAge: maxAge, now: time.Now()}
	w.secret = w.secrets.Create("signing-keys")
	w.secrets.Put(w.secret, placeholder)
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// wire carries a process's calls to DynamoDB and Secrets Manager, or does not.
type wire struct {
	secrets http.Handler
	// broken says, before a call and after it has had its effect, whether the wire
	// is cut. Nil: never.
	broken func(call int, operation string, after bool) bool
	calls  atomic.Int32
	direct http.RoundTripper
}

var errCut = errors.New("the wire is cut")

func newWire(w *world) *wire {
	// Connections that are kept would keep the clock of a synctest bubble from
	// moving on.
	return &wire{secrets: w.secrets, direct: &http.Transport{DisableKeepAlives: true}}
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	call := int(w.calls.Add(1))
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if w.broken != nil && w.broken(call, operation, false) {
		return nil, errCut
	}
	res, err := w.send(r)
	if err == nil && w.broken != nil && w.broken(call, operation, true) {
		res.Body.Close()
		return nil, errCut
	}
	return res, err
}

func (w *wire) send(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.") {
		return w.direct.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	in := httptest.NewRequestWithContext(r.Context(), r.Method, "http://secrets/", bytes.NewReader(body))
	in.Header = r.Header
	rec := httptest.NewRecorder()
	w.secrets.ServeHTTP(rec, in)
	return rec.Result(), nil
}

func (w *wire) dynamo(retry aws.Retryer) *dynamodb.Client {
	return emulator.DynamoDB(func(o *dynamodb.Options) {
		o.HTTPClient, o.Retryer = &http.Client{Transport: w}, retry
	})
}

// process is one that signs: a Lambda of the auth service.
type process struct {
	*signing.Vault
	wire *wire
}

const maxAge = 30 * 24 * time.Hour

// process starts one whose calls are tried once.
func (w *world) process(t *testing.T) *process {
	t.Helper()
	return w.processWith(t, newWire(w), aws.NopRetryer{}, w.clock)
}

func (w *world) processWith(t *testing.T, wire *wire, retry aws.Retryer, now func() time.Time) *process {
	t.Helper()
	v, err := signing.NewVault(signing.Options{
		DynamoDB: wire.dynamo(retry), Table: w.table,
		Secrets: secretsmanager.New(secretsmanager.Options{
			Region: dynamolocal.Region, Credentials: dynamolocal.Credentials(), HTTPClient: &http.Client{Transport: wire}, Retryer: retry,
		}),
		Secret: w.secret, MaxAge: w.maxAge, Now: now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &process{v, wire}
}

// public is the source of a process that verifies.
func (w *world) public(t *testing.T) *keyvault.Public {
	t.Helper()
	return w.publicWith(t, newWire(w))
}

func (w *world) publicWith(t *testing.T, wire *wire) *keyvault.Public {
	t.Helper()
	p, err := keyvault.NewPublic(keyvault.Options{Client: wire.dynamo(aws.NopRetryer{}), Table: w.table})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *process) kid(t *testing.T) string {
	t.Helper()
	key, err := p.SigningKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return key.KeyID()
}

// published returns the kids that the table lists, newest first.
func (w *world) published(t *testing.T) []string {
	t.Helper()
	set, err := w.public(t).PublicKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var kids []string
	for i := range set.Len() {
		k, _ := set.Key(i)
		kids = append(kids, k.KeyID())
	}
	return kids
}

// mustWork fails unless a process that starts now signs what another that starts
// now accepts.
func (w *world) mustWork(t *testing.T) {
	t.Helper()
	if err := w.works(t); err != nil {
		t.Fatal(err)
	}
}

func (w *world) works(t *testing.T) error {
	tokens, err := identity.NewSigner(w.process(t), w.hosts).Issue(t.Context(), records.User{ID: "ada"}, "s1", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	if _, err = identity.NewVerifier(w.public(t), w.hosts).Verify(t.Context(), tokens.Root, w.hosts.Root("")); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}

// mustBeTidy fails unless the version that counts is the one labelled as current,
// and holds the private half of exactly the published keys.
func (w *world) mustBeTidy(t *testing.T) {
	t.Helper()
	w.secrets.Sweep()
	text, ok := w.secrets.Value(w.secret)
	for _, kid := range w.published(t) {
		if !ok || strings.Count(text, `{"kid":"`+kid+`"`) != 1 {
			t.Errorf("the version that is labelled as current lacks key %s", kid)
		}
	}
	if got, want := strings.Count(text, `"created":`), len(w.published(t)); got != want {
		t.Errorf("the version that is labelled as current holds %d keys, want %d", got, want)
	}
	w.mustWork(t)
}
