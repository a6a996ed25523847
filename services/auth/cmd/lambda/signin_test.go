package main

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/services/auth/provider"
)

// named is a provider that sends people to its secret, and counts how it was made.
type named struct{ secret string }

func (n named) Choices() []provider.Choice { return []provider.Choice{{ID: "one", Label: "One"}} }

func (n named) Begin(context.Context, provider.Attempt) (string, error) { return n.secret, nil }

func (n named) Finish(context.Context, provider.Attempt, url.Values) (provider.Person, error) {
	return provider.Person{Name: n.secret}, nil
}

func (n named) Renew(context.Context, []byte) ([]byte, error) { return []byte(n.secret), nil }

func (n named) EndURL([]byte, string) string { return n.secret }

// A function starts without its secret, and notices a new one.
func TestLater(t *testing.T) {
	var made []string
	secret, err := "", errors.New("parameter store is away")
	l, failed := newLater(func(s string) (provider.Provider, error) {
		made = append(made, s)
		return named{s}, nil
	}, func(context.Context) (string, error) { return secret, err })
	if failed != nil || len(l.Choices()) != 1 || l.EndURL(nil, "") == "" {
		t.Fatalf("%v, choices %v", failed, l.Choices())
	}
	if _, got := l.Begin(t.Context(), provider.Attempt{}); !errors.Is(got, err) {
		t.Fatalf("without a secret: %v", got)
	}
	for _, s := range []string{"old", "old", "new"} {
		secret, err = s, nil
		if got, err := l.Begin(t.Context(), provider.Attempt{}); err != nil || got != s {
			t.Errorf("began with %q, %v, want %q", got, err, s)
		}
		if p, err := l.Finish(t.Context(), provider.Attempt{}, nil); err != nil || p.Name != s || l.EndURL(nil, "") != s {
			t.Errorf("finished with %q, %v, want %q", p.Name, err, s)
		}
	}
	if diff := cmp.Diff([]string{"not known yet", "old", "new"}, made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
}

// A configuration that no provider can be made of ends the start, not the first
// sign-in.
func TestLaterRefusesWhatCannotBeOpened(t *testing.T) {
	broken := errors.New("the issuer is no URL")
	if _, err := newLater(func(string) (provider.Provider, error) { return nil, broken }, nil); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
