package dynamo_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo"
	"wikibot.io/pkg/records/dynamo/tables"
	"wikibot.io/pkg/records/recordstest"
)

// scan returns all items of a table, which only tests may.
func scan(t *testing.T, full string) []map[string]types.AttributeValue {
	t.Helper()
	out, err := server.DynamoDB().Scan(t.Context(), &dynamodb.ScanInput{TableName: &full})
	if err != nil {
		t.Fatal(err)
	}
	return out.Items
}

// item returns the item under a key of a table without a sort key.
func item(t *testing.T, full, pk string) map[string]types.AttributeValue {
	t.Helper()
	for _, i := range scan(t, full) {
		if v, ok := i[tables.PartitionKey].(*types.AttributeValueMemberS); ok && v.Value == pk {
			return i
		}
	}
	return nil
}

// The process that forgets a user dies again and again, after every other write. At
// no time is the user back, or half gone for somebody else, and the end is told
// once.
func TestForgettingSurvivesCrashes(t *testing.T) {
	t.Parallel()
	names, p := fresh(t), newProxy(t)
	direct, now := open(t, names, dynamo.Options{}), time.Now()
	seed(t, direct)
	for n := range 60 { // three batches
		c, s := connected("ada"), signedIn("ada")
		c.ID, s.ID = fmt.Sprint("c", n), fmt.Sprint("s", n)
		if err := direct.CreateConnection(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if err := direct.CreateSession(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if err := direct.DeleteUser(t.Context(), "ada", now); err != nil {
		t.Fatal(err)
	}
	crashes := 0
	for {
		ctx, die := context.WithCancel(t.Context())
		writes := 0
		p.decide = func(r *request) trouble {
			if r.op != "GetItem" && r.op != "Query" {
				writes++
			}
			if writes < 2 {
				return none
			}
			return lost
		}
		p.after = func(*request) {
			if writes == 2 {
				die()
			}
		}
		err := open(t, names, dynamo.Options{}, p.through).ForgetUser(ctx, "ada")
		die()
		if fault.Is(err, fault.NotFound) {
			break // the last death was after the last write
		}
		if !fault.Is(err, fault.Unavailable) {
			t.Fatalf("after %d crashes: %v", crashes, err)
		}
		if crashes++; crashes > 20 {
			t.Fatal("it does not get on")
		}
		checkLeft(t, direct, now)
	}
	if crashes < 5 {
		t.Errorf("it crashed %d times only", crashes)
	}
	if left := scan(t, names[tables.Sessions]); len(left) > 0 {
		t.Errorf("%d sessions, connections and departures are left", len(left))
	}
	var told []string
	for _, env := range watch(t, names).Events(t) {
		told = append(told, env.Type)
	}
	want := []string{string(events.UserCreated), string(events.WikiCreated), string(events.UserDeleted)}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// checkLeft checks that a user whose forgetting has begun is nobody, and is found
// by who goes on with it until all of it is done.
func checkLeft(t *testing.T, s *dynamo.Store, deleted time.Time) {
	t.Helper()
	_, byEmail := s.UserByEmail(t.Context(), "ada@example.org")
	_, departed := s.DepartedUser(t.Context(), records.Identity{Provider: "dev", Subject: "ada"})
	for what, err := range map[string]error{
		"came back": s.RestoreUser(t.Context(), "ada"), "signed in": s.CreateSession(t.Context(), signedIn("ada")),
		"is found": byEmail, "may come back": departed,
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("half forgotten, the user %s: %v", what, err)
		}
	}
	left, err := s.Departed(t.Context(), deleted.Add(1), 10)
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := s.IdentitiesOfUser(t.Context(), "ada"); err != nil || len(left) != len(ids) {
		t.Errorf("%d are leaving, with the identities %v, %v", len(left), ids, err)
	}
}

// What stays of somebody forgotten carries the event and says nothing about them,
// until it expires; and then their wikis can still be deleted.
func TestNothingIsLeftOfWhoIsForgotten(t *testing.T) {
	t.Parallel()
	names, clock := fresh(t), new(recordstest.Clock)
	s := open(t, names, dynamo.Options{Now: clock.Now})
	err := s.CreateUser(t.Context(), records.User{ID: "ada", Username: "lovelace", Email: "Private@example.org", DisplayName: "Private name"},
		records.Identity{Provider: "dev", Subject: "private subject"}, records.Identity{Provider: "private provider", Subject: "1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"w", "late"} {
		if _, err := s.CreateWiki(t.Context(), newWiki(id)); err != nil {
			t.Fatal(err)
		}
	}
	for _, do := range []func() error{
		func() error { return s.CreateSession(t.Context(), signedIn("ada")) },
		func() error { return s.CreateConnection(t.Context(), connected("ada")) },
		func() error { return s.DeleteUser(t.Context(), "ada", clock.Now()) },
		func() error { return s.ForgetUser(t.Context(), "ada") },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	users := scan(t, names[tables.Users])
	if text := strings.ToLower(said(users)); strings.Contains(text, "private") || strings.Contains(text, "lovelace") || len(users) != 1 {
		t.Errorf("left of the user: %s", text)
	}
	left := item(t, names[tables.Users], "user#ada")
	if diff := cmp.Diff([]string{"deleted_at", "event", "event_id", "expires_at", "id", "pk"}, slices.Sorted(maps.Keys(left))); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	expires, ok := left[tables.ExpiryTime].(*types.AttributeValueMemberN)
	if want := strconv.FormatInt(clock.Now().Add(30*24*time.Hour).Unix(), 10); !ok || expires.Value != want {
		t.Errorf("it expires at %v, want %s", expires, want)
	}
	if err := s.DeleteWiki(t.Context(), "w", nil); err != nil {
		t.Error(err)
	}
	full := names[tables.Users]
	_, err = server.DynamoDB().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &full, Key: map[string]types.AttributeValue{
		tables.PartitionKey: &types.AttributeValueMemberS{Value: "user#ada"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteWiki(t.Context(), "late", nil); err != nil {
		t.Error(err)
	}
	if again := scan(t, full); len(again) > 0 {
		t.Errorf("the deletion of a wiki brought back %s", said(again))
	}
}

// said writes all strings that items hold.
func said(items []map[string]types.AttributeValue) string {
	var out []string
	for _, i := range items {
		for name, v := range i {
			if s, ok := v.(*types.AttributeValueMemberS); ok {
				out = append(out, name+"="+s.Value)
			} else {
				out = append(out, name)
			}
		}
	}
	return strings.Join(out, " ")
}

// What a caller may still ask about must not be removed by the database's clock,
// which is not the caller's.
func TestExpiryIsNotBeforeTheEnd(t *testing.T) {
	t.Parallel()
	names := fresh(t)
	s := open(t, names, dynamo.Options{})
	seed(t, s)
	end := time.Now().Add(24 * time.Hour)
	n, c, k := signedIn("ada"), connected("ada"), ticket("code", "h")
	n.ExpiresAt, c.ExpiresAt, k.ExpiresAt = end, end, end
	_, counted := s.Count(t.Context(), "k", time.Hour, end.Add(-time.Hour))
	for _, err := range []error{
		s.CreateSession(t.Context(), n), s.CreateConnection(t.Context(), c), s.PutTicket(t.Context(), k), counted,
		s.PutClient(t.Context(), records.Client{ID: "c", RedirectURIs: []string{"x"}, ExpiresAt: end.Add(-time.Hour)}),
		s.ExtendClient(t.Context(), "c", end),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range append(scan(t, names[tables.Sessions]), scan(t, names[tables.Tickets])...) {
		v, ok := i[tables.ExpiryTime].(*types.AttributeValueMemberN)
		if !ok {
			t.Errorf("this stays for ever: %s", said([]map[string]types.AttributeValue{i}))
			continue
		}
		at, err := strconv.ParseInt(v.Value, 10, 64)
		if late := time.Unix(at, 0).Sub(end); err != nil || late < records.Linger-time.Hour || late > 2*records.Linger+time.Hour {
			t.Errorf("removed %s after its end: %s", late, said([]map[string]types.AttributeValue{i}))
		}
	}
}
