package dynamo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo"
)

// Of every request the first answer is lost after it took effect. Whoever asked
// sees nothing of it, and it took effect once.
func TestEveryFirstAnswerIsLost(t *testing.T) {
	t.Parallel()
	names, p := fresh(t), newProxy(t)
	attempt := 0
	p.decide = func(*request) trouble {
		if attempt++; attempt%2 == 1 {
			return lost
		}
		return none
	}
	s, ctx, now := open(t, names, dynamo.Options{}, p.through), t.Context(), time.Now()
	later := now.Add(time.Hour)
	id := func(subject string) records.Identity { return records.Identity{Provider: "p", Subject: subject} }
	session := func(id string) records.Session {
		n := signedIn("ada")
		n.ID = id
		return n
	}
	for _, c := range []struct {
		what string
		do   func() error
	}{
		{"CreateUser", func() error {
			return s.CreateUser(ctx, records.User{ID: "ada", Username: "ada", Email: "a@x"}, id("1"), id("2"))
		}},
		{"AddIdentity", func() error { return s.AddIdentity(ctx, "ada", id("3")) }},
		{"UpdateUser", func() error {
			_, err := s.UpdateUser(ctx, "ada", records.UserChange{DisplayName: new("Ada")})
			return err
		}},
		{"CreateWiki", func() error { _, err := s.CreateWiki(ctx, newWiki("w")); return err }},
		{"CreateSession", func() error { return s.CreateSession(ctx, session("one")) }},
		{"CreateSession", func() error { return s.CreateSession(ctx, session("two")) }},
		{"CreateSession", func() error { return s.CreateSession(ctx, session("three")) }},
		{"RenewSession", func() error { return s.RenewSession(ctx, session("one"), []byte("anew"), later) }},
		{"RenewSession of one used later", func() error {
			n := session("one")
			n.Sealed = []byte("anew")
			return s.RenewSession(ctx, n, nil, now)
		}},
		{"EndSession", func() error { return s.EndSession(ctx, "ada", "two", now, later) }},
		{"EndSessions", func() error { return s.EndSessions(ctx, "ada", "one", now) }},
		{"CreateConnection", func() error { return s.CreateConnection(ctx, connected("ada")) }},
		{"RotateConnection", func() error {
			_, err := s.RotateConnection(ctx, "ada", "connection", connected("ada").RefreshHash, "next", now, later)
			return err
		}},
		{"EndConnection", func() error { return s.EndConnection(ctx, "ada", "connection") }},
		{"PutTicket", func() error { return s.PutTicket(ctx, ticket("code", "h")) }},
		{"SpendTicket", func() error { _, err := s.SpendTicket(ctx, "code", "h", "note", now); return err }},
		{"PutClient", func() error {
			return s.PutClient(ctx, records.Client{ID: "c", RedirectURIs: []string{"x"}, ExpiresAt: now})
		}},
		{"ExtendClient", func() error { return s.ExtendClient(ctx, "c", later) }},
		{"DeleteUser", func() error { return s.DeleteUser(ctx, "ada", now) }},
		{"RestoreUser", func() error { return s.RestoreUser(ctx, "ada") }},
	} {
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	for want := range int64(3) {
		if got, err := s.Count(ctx, "k", time.Hour, now); err != nil || got != want+1 {
			t.Errorf("counted to %d, %v; want %d", got, err, want+1)
		}
	}
	checkSurvivor(t, s, now, later)
	for _, do := range []func() error{
		func() error { return s.DeleteUser(ctx, "ada", now) },
		func() error { return s.ForgetUser(ctx, "ada") },
		func() error { return s.DeleteWiki(ctx, "w", nil) },
	} {
		if err := do(); err != nil {
			t.Error(err)
		}
	}
	var kinds []string
	for _, env := range watch(t, names).Events(t) {
		kinds = append(kinds, env.Type)
	}
	want := []string{string(events.UserCreated), string(events.WikiCreated), string(events.WikiDeleted), string(events.UserDeleted)}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// checkSurvivor holds what is left against what TestEveryFirstAnswerIsLost did.
func checkSurvivor(t *testing.T, s *dynamo.Store, now, later time.Time) {
	t.Helper()
	u, err := s.User(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	want := records.User{
		ID: "ada", Username: "ada", Email: "a@x", DisplayName: "Ada", Tier: records.Free, Wikis: 1, CreatedAt: u.CreatedAt,
		Ended: map[string]time.Time{"two": later.UTC().Round(0)}, SignedOut: now.UTC().Round(0),
	}
	if diff := cmp.Diff(want, u); diff != "" {
		t.Errorf("user (-want +got):\n%s", diff)
	}
	left, err := s.SessionsOfUser(t.Context(), "ada")
	if err != nil || len(left) != 1 || left[0].ID != "one" || left[0].Sealed != nil || !left[0].LastUsed.Equal(later) {
		t.Errorf("sessions %+v, %v", left, err)
	}
	spent, err := s.Ticket(t.Context(), "code", "h", now)
	if err != nil || spent.Note != "note" || !spent.SpentAt.Equal(now) {
		t.Errorf("ticket %+v, %v", spent, err)
	}
}

// An attempt never arrives, and somebody else spends the ticket in the same
// instant with the same note. They look alike, and still only one has spent it.
func TestTicketSpentByAnotherMeanwhile(t *testing.T) {
	t.Parallel()
	names, p := fresh(t), newProxy(t)
	direct, now := open(t, names, dynamo.Options{}), time.Now()
	if err := direct.PutTicket(t.Context(), ticket("code", "h")); err != nil {
		t.Fatal(err)
	}
	first := true
	p.decide = func(*request) trouble {
		if !first {
			return none
		}
		first = false
		if _, err := direct.SpendTicket(t.Context(), "code", "h", "note", now); err != nil {
			t.Error(err)
		}
		return dropped
	}
	if _, err := open(t, names, dynamo.Options{}, p.through).SpendTicket(t.Context(), "code", "h", "note", now); !fault.Is(err, fault.Conflict) {
		t.Errorf("spent twice: error %v", err)
	}
}

// The answer to a rotation is lost, and whoever shares the secret has rotated on
// before it is asked again.
func TestRotationIsFoundUnderALaterOne(t *testing.T) {
	t.Parallel()
	names, p := fresh(t), newProxy(t)
	direct, now := open(t, names, dynamo.Options{}), time.Now()
	seed(t, direct)
	if err := direct.CreateConnection(t.Context(), connected("ada")); err != nil {
		t.Fatal(err)
	}
	rotate := func(s *dynamo.Store, old, next string) (records.Connection, error) {
		return s.RotateConnection(t.Context(), "ada", "connection", old, next, now, now.Add(time.Hour))
	}
	first := true
	p.decide = func(*request) trouble {
		if first {
			return lost
		}
		return none
	}
	p.after = func(*request) {
		if !first {
			return
		}
		first = false
		if _, err := rotate(direct, "next", "next but one"); err != nil {
			t.Error(err)
		}
	}
	got, err := rotate(open(t, names, dynamo.Options{}, p.through), connected("ada").RefreshHash, "next")
	if err != nil || got.RefreshHash != "next but one" {
		t.Errorf("connection %+v, %v", got, err)
	}
}

// A client that does not say what it is has an empty name, which DynamoDB has not.
func TestUseByNobodyInParticular(t *testing.T) {
	t.Parallel()
	s, now := open(t, fresh(t), dynamo.Options{}), time.Now()
	seed(t, s)
	for _, agent := range []string{"", "a", strings.Repeat("a", 300)} {
		if err := s.TouchToken(t.Context(), "hash-wdefault", now, agent); err != nil {
			t.Errorf("agent %q: %v", agent, err)
		}
		if got, err := s.TokenByHash(t.Context(), "hash-wdefault"); err != nil || got.LastAgent != agent {
			t.Errorf("agent %q: token %+v, %v", agent, got, err)
		}
	}
}
