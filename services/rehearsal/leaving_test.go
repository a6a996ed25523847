package rehearsal_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records/dynamo"
	"wikibot.io/pkg/records/dynamo/tables"
	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/visitor"
)

// stored opens the records as an operator, who may do anything: to let time pass,
// and to look for what must not be there.
func stored(t *testing.T, r *rehearsal.Rehearsal) (*dynamo.Store, map[tables.Name]string) {
	t.Helper()
	names := map[tables.Name]string{}
	for _, table := range tables.All {
		id := strings.ToUpper(string(table.Name[:1])) + string(table.Name[1:]) + "Table"
		names[table.Name] = tableOf(t, r, id)
	}
	store, err := dynamo.New(dynamo.Options{Client: dynamodb.NewFromConfig(as(r, rehearsal.Operator)), Tables: names})
	if err != nil {
		t.Fatal(err)
	}
	return store, names
}

// idOf is who the visitor's browser is.
func idOf(t *testing.T, v *visitor.Visitor) string {
	t.Helper()
	a, err := v.Get(t.Context(), v.Root("/api/me"), false)
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("who am I: %d, %v: %s", a.Status, err, a.Body)
	}
	var me struct{ ID string }
	if err := json.Unmarshal(a.Body, &me); err != nil || me.ID == "" {
		t.Fatalf("who am I: %v: %s", err, a.Body)
	}
	return me.ID
}

// leave deletes the visitor's account, by the app, as if that had been two weeks
// and a day ago.
func leave(t *testing.T, r *rehearsal.Rehearsal, v *visitor.Visitor, id string) {
	t.Helper()
	a, err := v.Post(t.Context(), v.Root("/api/account/deletion"), map[string]string{"username": v.Slug})
	if err != nil || a.Status != http.StatusAccepted {
		t.Fatalf("delete the account: %d, %v: %s", a.Status, err, a.Body)
	}
	store, _ := stored(t, r)
	if err := errors.Join(store.RestoreUser(t.Context(), id), store.DeleteUser(t.Context(), id, time.Now().AddDate(0, 0, -15))); err != nil {
		t.Fatal(err)
	}
}

// Somebody leaves, two weeks go by, and AWS has a bad day: in the end their wiki,
// its files, what others were allowed there, agents and sessions are gone, others
// keep what is theirs, and nothing was given up.
func TestDepartedAreForgottenInAStorm(t *testing.T) {
	r := start(t, func(o *rehearsal.Options) { o.CountFiles = true })
	ada, bea := signUp(t, r, "ada", true), signUp(t, r, "bea", true)
	for _, v := range []*visitor.Visitor{ada, bea} {
		if a, err := v.Save(t.Context(), "Page", "of "+v.Slug); err != nil || a.Status != http.StatusCreated {
			t.Fatalf("save: %d, %v", a.Status, err)
		}
	}
	if _, _, err := ada.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := idOf(t, ada)
	settle(t, r)
	leave(t, r, ada, id)
	if n := len(repositories(t, r)); n != 2 {
		t.Fatalf("%d repositories before anybody is forgotten", n)
	}
	if err := r.SetWeather(rehearsal.Storm); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 { // the clock comes again
		for {
			// In its own words a failure is an error, which Lambda would try again.
			_, err := r.Function(routes.Auth).Invoke(ctx, []byte(`{"schedule":"forget-departed"}`))
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("it never succeeds: %v", err)
			}
		}
	}
	settle(t, r)
	if err := r.SetWeather(rehearsal.Weather{}); err != nil {
		t.Fatal(err)
	}
	settle(t, r)
	if left := repositories(t, r); len(left) != 1 {
		t.Errorf("repositories: %v, want that of bea alone", left)
	}
	forgotten(t, r, id, ada)
	holds(t, r, bea, &book{pages: map[string]string{"Page": "of bea"}})
	unrefused(t, r)
	silent(t, r)
}

func repositories(t *testing.T, r *rehearsal.Rehearsal) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(r.Data(), "files", "*", "*", "wikis", "*", "repo.git"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// forgotten looks for what is left of somebody, in every table.
func forgotten(t *testing.T, r *rehearsal.Rehearsal, id string, v *visitor.Visitor) {
	t.Helper()
	store, names := stored(t, r)
	if _, err := store.User(t.Context(), id); !fault.Is(err, fault.NotFound) {
		t.Errorf("user: %v, want none", err)
	}
	left := map[tables.Name][]string{}
	for name, table := range names {
		out, err := dynamodb.NewFromConfig(as(r, rehearsal.Operator)).Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range out.Items {
			text, err := json.Marshal(flat(item))
			if err != nil {
				t.Fatal(err)
			}
			// What is spent or counted expires by itself; the tombstones of names, users
			// and wikis stay for a while, and say nothing about anybody but their ids.
			if strings.Contains(string(text), "ada@example.org") || strings.Contains(string(text), id) && name != tables.Users && name != tables.Wikis && name != tables.Tickets && name != tables.Idempotency {
				left[name] = append(left[name], string(text))
			}
		}
	}
	for name, items := range left {
		t.Errorf("%d items are left in %s; the first: %s", len(items), name, items[0])
	}
	other, err := visitor.New(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	form, err := other.SignIn(t.Context(), v.Slug)
	if err != nil || form.Status == http.StatusSeeOther {
		t.Errorf("somebody else signs up under the name: %d, %v; it stays reserved", form.Status, err)
	}
}

// flat makes an item's attributes printable.
func flat(item map[string]types.AttributeValue) map[string]any {
	out := map[string]any{}
	for name, v := range item {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			out[name] = v.Value
		case *types.AttributeValueMemberN:
			out[name] = v.Value
		default:
			out[name] = v
		}
	}
	return out
}

// silent removes, as their expiry does, the items that carry an event: a stream
// tells of each, with the event in its old image, and nobody may be told again.
func silent(t *testing.T, r *rehearsal.Rehearsal) {
	t.Helper()
	_, names := stored(t, r)
	db := dynamodb.NewFromConfig(as(r, rehearsal.Operator))
	bus := r.Bus(r.Buses()[0])
	before, removed := bus.Counters().Accepted, 0
	for _, table := range []string{names[tables.Users], names[tables.Wikis]} {
		out, err := db.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range out.Items {
			if item["event_id"] == nil || item[tables.ExpiryTime] == nil {
				continue
			}
			if _, err := db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: map[string]types.AttributeValue{"pk": item["pk"]}}); err != nil {
				t.Fatal(err)
			}
			removed++
		}
	}
	settle(t, r)
	if n := bus.Counters().Accepted - before; n != 0 || removed != 2 {
		t.Errorf("%d tombstones expired, want 2, of a user and a wiki; %d events were published again", removed, n)
	}
}
