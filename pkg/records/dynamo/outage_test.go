package dynamo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo"
	"wikibot.io/pkg/records/dynamo/dynamolocal"
	"wikibot.io/pkg/records/dynamo/tables"
)

// wire is a network that a test plays: no emulator, and time that is the test's.
type wire func(*http.Request) (*http.Response, error)

func (w wire) Do(r *http.Request) (*http.Response, error) { return w(r) }

func answer(status int, body string) (*http.Response, error) {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(bytes.NewReader([]byte(body))),
	}, nil
}

func onWire(t *testing.T, w wire) *dynamo.Store {
	t.Helper()
	names := map[tables.Name]string{}
	for _, table := range tables.All {
		names[table.Name] = string(table.Name)
	}
	s, err := dynamo.New(dynamo.Options{Tables: names, Client: dynamodb.New(dynamodb.Options{
		Region: dynamolocal.Region, Credentials: dynamolocal.Credentials(), HTTPClient: w,
	})})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bound is longer than any method with one request may take, and shorter than a
// client's patience.
const bound = 7 * time.Second

func TestOutageIsUnavailableWithinBounds(t *testing.T) {
	hang := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	for name, w := range map[string]wire{
		"refused":         func(*http.Request) (*http.Response, error) { return nil, errors.New("connect: connection refused") },
		"silent":          hang,
		"broken":          func(*http.Request) (*http.Response, error) { return answer(500, `{"__type":"InternalServerError"}`) },
		"not DynamoDB":    func(*http.Request) (*http.Response, error) { return answer(503, "<html>") },
		"cut in mid-word": func(*http.Request) (*http.Response, error) { return answer(200, `{"Item":{"pk":{"S"`) },
		"throttled":       func(*http.Request) (*http.Response, error) { return answer(400, `{"__type":"ThrottlingException"}`) },
		"out of capacity": func(*http.Request) (*http.Response, error) {
			return answer(400, `{"__type":"ProvisionedThroughputExceededException"}`)
		},
		"account at limit": func(*http.Request) (*http.Response, error) { return answer(400, `{"__type":"RequestLimitExceeded"}`) },
		"always in conflict": func(*http.Request) (*http.Response, error) {
			return answer(400, `{"__type":"TransactionCanceledException","CancellationReasons":[{"Code":"TransactionConflict"}]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				attempts := 0
				s := onWire(t, func(r *http.Request) (*http.Response, error) {
					attempts++
					return w(r)
				})
				for method, call := range map[string]func() error{
					"Wiki": func() error { _, err := s.Wiki(t.Context(), "w"); return err },
					"AdvanceHead": func() error {
						_, err := s.AdvanceHead(t.Context(), newStep(t, "w", "", commit(1)))
						return err
					},
					"CreateUser": func() error {
						return s.CreateUser(t.Context(), records.User{ID: "u", Username: "u"}, records.Identity{})
					},
					"TokensOfWiki": func() error { _, err := s.TokensOfWiki(t.Context(), "w"); return err },
					"Session":      func() error { _, err := s.Session(t.Context(), "u", "s"); return err },
					"PutTicket":    func() error { return s.PutTicket(t.Context(), ticket("code", "h")) },
					"SpendTicket": func() error {
						_, err := s.SpendTicket(t.Context(), "code", "h", "", time.Now())
						return err
					},
					"Count":      func() error { _, err := s.Count(t.Context(), "k", time.Minute, time.Now()); return err },
					"Departed":   func() error { _, err := s.Departed(t.Context(), time.Now(), 10); return err },
					"ForgetUser": func() error { return s.ForgetUser(t.Context(), "u") },
				} {
					attempts = 0
					began := time.Now()
					if err := call(); !fault.Is(err, fault.Unavailable) {
						t.Errorf("%s: error %v, want unavailable", method, err)
					}
					if took := time.Since(began); took > bound || attempts > 10 || attempts < 2 {
						t.Errorf("%s: %d attempts took %s", method, attempts, took)
					}
				}
			})
		})
	}
}

// With a fleet's load on it, a store that is down is soon asked once a request.
func TestOutageSpendsTheBudgetOfRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		s := onWire(t, func(*http.Request) (*http.Response, error) {
			attempts++
			return answer(500, `{"__type":"InternalServerError"}`)
		})
		for range 100 {
			if _, err := s.Wiki(t.Context(), "w"); !fault.Is(err, fault.Unavailable) {
				t.Fatal(err)
			}
		}
		if attempts > 250 {
			t.Errorf("100 reads made %d attempts", attempts)
		}
	})
}

func TestCallerWhoGivesUpIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onWire(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		for _, c := range []struct {
			limit time.Duration
			why   string
		}{{0, "before it began"}, {300 * time.Millisecond, "in the first attempt"}, {2500 * time.Millisecond, "in the second"}} {
			ctx, cancel := context.WithTimeout(t.Context(), c.limit)
			began := time.Now()
			_, err := s.AdvanceHead(ctx, newStep(t, "w", "", commit(1)))
			cancel()
			if took := time.Since(began); !fault.Is(err, fault.Unavailable) || took > c.limit {
				t.Errorf("given up %s: error %v after %s", c.why, err, took)
			}
		}
	})
}

// What no retry mends is reported at once, and as what it is.
func TestMistakesAreNotRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, code := range []string{"ValidationException", "ResourceNotFoundException", "AccessDeniedException", "UnrecognizedClientException"} {
			attempts := 0
			s := onWire(t, func(*http.Request) (*http.Response, error) {
				attempts++
				return answer(400, `{"__type":"com.amazonaws.dynamodb.v20120810#`+code+`","message":"secret details"}`)
			})
			_, err := s.Wiki(t.Context(), "w")
			if !fault.Is(err, fault.Internal) || attempts != 1 {
				t.Errorf("%s: %d attempts, error %v", code, attempts, err)
			}
			if e, ok := errors.AsType[*fault.Error](err); !ok || strings.Contains(e.Msg, "secret") {
				t.Errorf("%s: what callers see is %v", code, e)
			}
		}
	})
}

func TestMissingTableNamesItsVariable(t *testing.T) {
	s, err := dynamo.New(dynamo.Options{Client: server.DynamoDB(), Tables: map[tables.Name]string{tables.Wikis: "wikis"}})
	if err != nil {
		t.Fatal(err)
	}
	for variable, call := range map[string]func() error{
		"WIKIBOT_TABLE_USERS":    func() error { _, err := s.User(t.Context(), "u"); return err },
		"WIKIBOT_TABLE_TOKENS":   func() error { _, err := s.TokensOfWiki(t.Context(), "w"); return err },
		"WIKIBOT_TABLE_NAMES":    func() error { _, _, err := s.NameTaken(t.Context(), "n"); return err },
		"WIKIBOT_TABLE_SESSIONS": func() error { _, err := s.Session(t.Context(), "u", "s"); return err },
		"WIKIBOT_TABLE_TICKETS":  func() error { _, err := s.Client(t.Context(), "c", time.Now()); return err },
		"WIKIBOT_TABLE_IDEMPOTENCY": func() error {
			_, err := s.IdempotentResult(t.Context(), "w", "k", "f")
			return err
		},
	} {
		if err := call(); !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s: error %v", variable, err)
		}
	}
	for name, o := range map[string]dynamo.Options{
		"no client":       {},
		"an unknown name": {Client: server.DynamoDB(), Tables: map[tables.Name]string{"pages": "x"}},
		"an empty name":   {Client: server.DynamoDB(), Tables: map[tables.Name]string{tables.Users: ""}},
	} {
		if _, err := dynamo.New(o); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}
