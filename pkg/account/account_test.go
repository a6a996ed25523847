package account_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/account"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// users is a store in which some names are taken.
type users struct {
	taken   []string
	created []records.User
	ids     []records.Identity
}

func (s *users) CreateUser(_ context.Context, u records.User, ids ...records.Identity) error {
	if len(s.taken) > 0 {
		e := fault.New(fault.Exists, "create user: names are taken")
		for _, f := range s.taken {
			e.Fields = append(e.Fields, fault.Field{Name: f, Msg: "taken"})
		}
		return e
	}
	s.created, s.ids = append(s.created, u), append(s.ids, ids...)
	return nil
}

func TestRegister(t *testing.T) {
	store := new(users)
	u, err := account.Register(t.Context(), store, account.Registration{Email: "Ada@Example.org", Username: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	if u.ID == "" || u.CreatedAt.IsZero() || u.DisplayName != "ada" || u.Tier != records.Free || u.Email != "Ada@Example.org" {
		t.Errorf("created %+v", u)
	}
	if diff := cmp.Diff([]records.Identity{{Provider: "dev", Subject: "ada@example.org"}}, store.ids); diff != "" {
		t.Error(diff)
	}
}

func TestRegisterSaysAllAtOnce(t *testing.T) {
	for _, c := range []struct {
		why   string
		taken []string
		in    account.Registration
		kind  fault.Kind
		want  []string
	}{
		{"every field is bad", nil, account.Registration{Email: "ada", Username: "-A", DisplayName: "<", Tier: "gold"},
			fault.Invalid, []string{"email", "username", "username", "username", "display_name", "tier"}},
		{"both are taken", []string{"username", "email"}, account.Registration{Email: "ada@example.org", Username: "ada"},
			fault.Exists, []string{"username", "email"}},
	} {
		_, err := account.Register(t.Context(), &users{taken: c.taken}, c.in)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != c.kind {
			t.Fatalf("%s: got %v, want %s", c.why, err, c.kind)
		}
		var got []string
		for _, f := range e.Fields {
			got = append(got, f.Name)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: fields (-want +got):\n%s", c.why, diff)
		}
	}
}
