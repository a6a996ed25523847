package dynamo_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo"
	"wikibot.io/pkg/records/dynamo/tables"
)

// lived puts a wiki in as it looks in production: ids and names of true length,
// an index, and the memory of steps full.
func lived(t *testing.T, s *dynamo.Store) (wiki, owner string, head string) {
	t.Helper()
	now := time.Now()
	owner, wiki = events.NewID(now), events.NewID(now)
	err := s.CreateUser(t.Context(), records.User{ID: owner, Username: "ada-lovelace", Email: "ada.lovelace@example.org", DisplayName: "Ada Lovelace"},
		records.Identity{Provider: "https://issuer.example.org", Subject: owner})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.CreateWiki(t.Context(), records.NewWiki{
		ID: wiki, Slug: "analytical-engine", Name: "The Analytical Engine", OwnerID: owner,
		Token: records.Token{ID: events.NewID(now), Hash: fmt.Sprintf("%064x", 1), UserID: owner, Name: "default", Role: records.Editor},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		next := fmt.Sprintf("%040x", uint64(0xabcdef0123456789)+uint64(i))
		if _, err := s.AdvanceHead(t.Context(), typical(t, wiki, owner, head, next)); err != nil {
			t.Fatal(err)
		}
		head = next
	}
	for _, err := range []error{
		s.PublishIndex(t.Context(), wiki, records.Index{}, records.Index{Commit: head, File: head + ".db", Sequence: 9}),
		s.AddIdentity(t.Context(), owner, records.Identity{Provider: "https://another.example.org", Subject: owner}),
		s.CreateSession(t.Context(), signedIn(owner)),
		s.CreateConnection(t.Context(), connected(owner)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 { // who signs out every now and then
		n := signedIn(owner)
		n.ID = events.NewID(now)
		if err := s.CreateSession(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if err := s.EndSession(t.Context(), owner, n.ID, now, now.Add(time.Duration(i+1)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	return wiki, owner, head
}

// signedIn is a session with as much as a provider gives.
func signedIn(user string) records.Session {
	return records.Session{
		ID: "session", UserID: user, Kind: records.Browser, Name: "Firefox on Linux", SecretHash: fmt.Sprintf("%064x", 2),
		ExpiresAt: time.Now().Add(30 * 24 * time.Hour), Provider: "https://issuer.example.org", Sealed: bytes.Repeat([]byte("s"), 1200),
	}
}

func connected(user string) records.Connection {
	return records.Connection{
		ID: "connection", UserID: user, WikiID: "w", ClientID: "https://client.example.org/oauth/client.json", ClientName: "Client",
		ClientHost: "client.example.org", Resource: "https://analytical-engine.example.org/mcp", Role: records.Editor,
		RefreshHash: fmt.Sprintf("%064x", 3), Seed: fmt.Sprintf("%064x", 4), ExpiresAt: time.Now().Add(90 * 24 * time.Hour),
	}
}

func ticket(kind records.TicketKind, hash string) records.Ticket {
	return records.Ticket{Kind: kind, Hash: hash, Data: []byte(`{"a":"b"}`), ExpiresAt: time.Now().Add(time.Hour)}
}

// typical is the step of somebody who edits a page through an agent.
func typical(t *testing.T, wiki, owner, old, new string) records.HeadChange {
	t.Helper()
	env, err := events.New(time.Now(), wiki, &events.Actor{UserId: owner, Name: "Ada Lovelace", Agent: "Claude Code"}, &eventsv1.PageSaved{Commit: &eventsv1.Commit{
		OldHead: old, NewHead: new, Changes: []*eventsv1.PageChange{{Kind: eventsv1.PageChange_KIND_EDITED, Path: "Notes/On the analytical engine"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return records.HeadChange{WikiID: wiki, Old: old, New: new, At: time.Now(), MaxPages: 500, MaxBytes: 50 << 20, Event: env}
}

// chain is a list of bases as gitstore names them.
func chain(n int) (packs []string) {
	for i := range n {
		packs = append(packs, "pack-"+fmt.Sprintf("%040x", uint64(0xfedcba9876543210)+uint64(i)))
	}
	return packs
}

// unsaid stands for the units of transactions: the emulator counts four a table,
// whatever is in them, where DynamoDB counts two a kilobyte and item.
const unsaid = -1

// What the hot paths cost is a promise: requests are latency, units are money.
func TestHotPathsCost(t *testing.T) {
	names, p := fresh(t), newProxy(t)
	s := open(t, names, dynamo.Options{}, p.through)
	wiki, owner, head := lived(t, s)
	next := func() string { return fmt.Sprintf("%040x", time.Now().UnixNano()) }
	save := func(change func(*records.HeadChange)) error {
		c := typical(t, wiki, owner, head, next())
		change(&c)
		_, err := s.AdvanceHead(t.Context(), c)
		if err == nil {
			head = c.New
		}
		return err
	}
	ctx := t.Context()
	for _, c := range []struct {
		what  string
		ops   []string
		units float64
		do    func() error
	}{
		{"a wiki is read", []string{"GetItem"}, 1, func() error { _, err := s.Wiki(ctx, wiki); return err }},
		{"a slug is resolved", []string{"GetItem"}, 1, func() error { _, err := s.WikiID(ctx, "analytical-engine"); return err }},
		{"a grant is read", []string{"GetItem"}, 1, func() error { _, err := s.Grant(ctx, wiki, owner); return err }},
		{"a token is read", []string{"GetItem"}, 1, func() error { _, err := s.TokenByHash(ctx, fmt.Sprintf("%064x", 1)); return err }},
		{"a page is saved", []string{"UpdateItem"}, 1, func() error { return save(func(*records.HeadChange) {}) }},
		{"a page is saved under a key", []string{"GetItem", "TransactWriteItems"}, unsaid, func() error {
			return save(func(c *records.HeadChange) {
				c.Idempotency = &records.Idempotency{Key: "k", Fingerprint: "f", Result: []byte(`{"revision":"…"}`)}
			})
		}},
		{"an index is published", []string{"UpdateItem"}, 1, func() error {
			w, err := s.Wiki(context.WithoutCancel(ctx), wiki)
			p.taken()
			if err != nil {
				return err
			}
			return s.PublishIndex(ctx, wiki, w.Index, records.Index{Commit: head, File: head + ".db", Sequence: w.Sequence})
		}},
		{"a wiki's packs are leased", []string{"UpdateItem"}, 1, func() error {
			_, err := s.LeaseUpkeep(ctx, wiki, owner, time.Now(), time.Now().Add(time.Minute))
			return err
		}},
		{"a lease is busy", []string{"UpdateItem"}, 1, func() error {
			_, err := s.LeaseUpkeep(ctx, wiki, "another", time.Now(), time.Now().Add(time.Minute))
			if !fault.Is(err, fault.Conflict) {
				return fmt.Errorf("it was taken: %v", err)
			}
			return nil
		}},
		{"a wiki's bases are replaced", []string{"UpdateItem"}, 1, func() error {
			_, err := s.ReplaceBases(ctx, records.BaseChange{WikiID: wiki, Holder: owner, Packs: chain(3), Sequence: 9})
			return err
		}},
		{"a lease is given back", []string{"UpdateItem"}, 1, func() error { return s.EndUpkeep(ctx, wiki, owner) }},
		{"a page is saved on consolidated packs", []string{"UpdateItem"}, 1, func() error { return save(func(*records.HeadChange) {}) }},
		{"a use is noted", []string{"GetItem", "UpdateItem"}, 2, func() error {
			return s.TouchToken(ctx, fmt.Sprintf("%064x", 1), time.Now(), "Claude Code")
		}},
		{"a use within the minute", []string{"GetItem"}, 1, func() error {
			return s.TouchToken(ctx, fmt.Sprintf("%064x", 1), time.Now(), "Claude Code")
		}},
		{"who is signed in is read", []string{"GetItem"}, 1, func() error { _, err := s.User(ctx, owner); return err }},
		{"a session is read", []string{"GetItem"}, 1, func() error { _, err := s.Session(ctx, owner, "session"); return err }},
		{"a session's use is noted", []string{"GetItem", "UpdateItem"}, 3, func() error {
			return s.TouchSession(ctx, owner, "session", time.Now().Add(time.Minute))
		}},
		{"a session's use within the minute", []string{"GetItem"}, 1, func() error {
			return s.TouchSession(ctx, owner, "session", time.Now().Add(time.Minute))
		}},
		{"a session is renewed", []string{"UpdateItem"}, 2, func() error {
			return s.RenewSession(ctx, signedIn(owner), []byte("sealed"), time.Now().Add(time.Hour))
		}},
		{"a session is renewed and another use is later", []string{"UpdateItem", "UpdateItem"}, 2, func() error {
			n := signedIn(owner)
			n.Sealed = []byte("sealed")
			return s.RenewSession(ctx, n, []byte("anew"), time.Now())
		}},
		{"a connection is read", []string{"GetItem"}, 1, func() error { _, err := s.Connection(ctx, owner, "connection"); return err }},
		{"a connection's use is noted", []string{"GetItem", "UpdateItem"}, 2, func() error {
			return s.TouchConnection(ctx, owner, "connection", time.Now().Add(time.Minute))
		}},
		{"a connection's secret is replaced", []string{"UpdateItem"}, 1, func() error {
			_, err := s.RotateConnection(ctx, owner, "connection", connected(owner).RefreshHash, "next", time.Now(), time.Now().Add(time.Hour))
			return err
		}},
		{"a request is counted", []string{"UpdateItem"}, 1, func() error {
			_, err := s.Count(ctx, "sign in 192.0.2.1", time.Minute, time.Now())
			return err
		}},
		{"a ticket is put", []string{"TransactWriteItems"}, unsaid, func() error { return s.PutTicket(ctx, ticket("code", "hash")) }},
		{"a ticket is read", []string{"GetItem"}, 1, func() error { _, err := s.Ticket(ctx, "code", "hash", time.Now()); return err }},
		{"a ticket is spent", []string{"UpdateItem"}, 1, func() error { _, err := s.SpendTicket(ctx, "code", "hash", "", time.Now()); return err }},
		{"whose time has come is asked", []string{"Query"}, 1, func() error { _, err := s.Departed(ctx, time.Now(), 100); return err }},
		{"a commit of 5,000 pages", []string{"UpdateItem"}, 4, func() error {
			return save(func(c *records.HeadChange) {
				commit := events.CommitOf(c.Event)
				for i := range 5000 {
					commit.Changes = append(commit.Changes, &eventsv1.PageChange{Kind: eventsv1.PageChange_KIND_RELINKED, Path: fmt.Sprint("Page ", i)})
				}
			})
		}},
		{"a wiki is read after it", []string{"GetItem"}, 1, func() error { _, err := s.Wiki(ctx, wiki); return err }},
	} {
		p.taken()
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		var ops []string
		units := 0.0
		for _, r := range p.taken() {
			ops = append(ops, r.op)
			units += r.units
		}
		if diff := cmp.Diff(c.ops, ops); diff != "" {
			t.Errorf("%s: requests (-want +got):\n%s", c.what, diff)
		}
		if units > c.units && c.units != unsaid {
			t.Errorf("%s: %v units, want %v at most", c.what, units, c.units)
		}
		t.Logf("%s: %v, %v units", c.what, ops, units)
	}
}

// What each method does is what its callers' roles are granted.
func TestMethodsDoWhatTheyAreGranted(t *testing.T) {
	names, p := fresh(t), newProxy(t)
	s := open(t, names, dynamo.Options{}, p.through)
	ctx := t.Context()
	id := records.Identity{Provider: "dev", Subject: "s"}
	user := func(name string) error {
		return s.CreateUser(ctx, records.User{ID: name, Username: name, Email: name}, records.Identity{Provider: "dev", Subject: name})
	}
	step := newStep(t, "w", "", commit(1))
	step.Idempotency = &records.Idempotency{Key: "k", Fingerprint: "f"}
	keyless := newStep(t, "w", commit(1), commit(2))
	head := func(c records.HeadChange) func() error {
		return func() error { _, err := s.AdvanceHead(ctx, c); return err }
	}
	// Methods with several ways are called until all have been walked.
	ran := map[string]tables.Actions{}
	for _, c := range []struct {
		method string
		do     func() error
	}{
		{"CreateUser", func() error { return user("ada") }},
		{"CreateUser", func() error { return user("bob") }},
		{"User", func() error { _, err := s.User(ctx, "ada"); return err }},
		{"UserByIdentity", func() error { _, err := s.UserByIdentity(ctx, id); return ignore(err) }},
		{"UserByEmail", func() error { _, err := s.UserByEmail(ctx, "ada"); return err }},
		{"CreateWiki", func() error { _, err := s.CreateWiki(ctx, newWiki("w")); return err }},
		{"CreateWiki", func() error { _, err := s.CreateWiki(ctx, newWiki("gone")); return err }},
		{"SetTier", func() error { return s.SetTier(ctx, "ada", records.Premium) }},
		{"Wiki", func() error { _, err := s.Wiki(ctx, "w"); return err }},
		{"WikiID", func() error { _, err := s.WikiID(ctx, "slug-w"); return err }},
		{"NameTaken", func() error { _, _, err := s.NameTaken(ctx, "x"); return err }},
		{"UpdateWiki", func() error { _, err := s.UpdateWiki(ctx, "w", records.WikiChange{Name: new("N")}, nil); return err }},
		{"AdvanceHead", head(step)},
		{"AdvanceHead", head(keyless)},
		{"AdvanceHead", func() error { return ignore(head(step)()) }},
		{"IdempotentResult", func() error { _, err := s.IdempotentResult(ctx, "w", "k", "f"); return err }},
		{"PublishIndex", func() error {
			return s.PublishIndex(ctx, "w", records.Index{}, records.Index{Commit: commit(1), File: "f"})
		}},
		{"LeaseUpkeep", func() error {
			_, err := s.LeaseUpkeep(ctx, "w", "h", time.Now(), time.Now().Add(time.Hour))
			return err
		}},
		{"ReplaceBases", func() error {
			_, err := s.ReplaceBases(ctx, records.BaseChange{WikiID: "w", Holder: "h", Packs: []string{"p"}, Sequence: 1})
			return err
		}},
		{"EndUpkeep", func() error { return s.EndUpkeep(ctx, "w", "h") }},
		{"PutGrant", func() error {
			return s.PutGrant(ctx, records.Grant{WikiID: "w", UserID: "bob", Role: records.Editor}, 0, nil)
		}},
		{"PutGrant", func() error {
			return s.PutGrant(ctx, records.Grant{WikiID: "gone", UserID: "bob", Role: records.Viewer}, 3, nil)
		}},
		{"Grant", func() error { _, err := s.Grant(ctx, "w", "bob"); return err }},
		{"GrantsOfUser", func() error { _, err := s.GrantsOfUser(ctx, "bob"); return err }},
		{"GrantsOfWiki", func() error { _, err := s.GrantsOfWiki(ctx, "w"); return err }},
		{"DeleteGrant", func() error { return s.DeleteGrant(ctx, "w", "bob", nil) }},
		{"CreateToken", func() error { return s.CreateToken(ctx, token("w", "ci")) }},
		{"TokenByHash", func() error { _, err := s.TokenByHash(ctx, "hash-wci"); return err }},
		{"TokensOfWiki", func() error { _, err := s.TokensOfWiki(ctx, "w"); return err }},
		{"TouchToken", func() error { return s.TouchToken(ctx, "hash-wci", time.Now(), "a") }},
		{"ReplaceToken", func() error { return s.ReplaceToken(ctx, token("w", "other")) }},
		{"ReplaceToken", func() error { k := token("w", "ci"); k.Hash = "fresh"; return s.ReplaceToken(ctx, k) }},
		{"RevokeToken", func() error { return s.RevokeToken(ctx, "w", "id-wci") }},
		{"PutActivity", func() error { return s.PutActivity(ctx, records.Activity{WikiID: "w", Sequence: 1}) }},
		{"Activity", func() error { _, err := s.Activity(ctx, "w"); return err }},
		{"AdvanceHead", func() error {
			c := newStep(t, "gone", "", commit(1))
			c.Idempotency = step.Idempotency
			return head(c)()
		}},
		{"UpdateUser", func() error {
			_, err := s.UpdateUser(ctx, "ada", records.UserChange{DisplayName: new("Ada")})
			return err
		}},
		{"IdentitiesOfUser", func() error { _, err := s.IdentitiesOfUser(ctx, "ada"); return err }},
		{"AddIdentity", func() error { return s.AddIdentity(ctx, "ada", id) }},
		{"CreateSession", func() error { return s.CreateSession(ctx, signedIn("ada")) }},
		{"CreateSession", func() error {
			return beyond(records.MaxSessions, func(id string) error {
				n := signedIn("bob")
				n.ID = id
				return s.CreateSession(ctx, n)
			})
		}},
		{"Session", func() error { _, err := s.Session(ctx, "ada", "session"); return err }},
		{"SessionsOfUser", func() error { _, err := s.SessionsOfUser(ctx, "ada"); return err }},
		{"RenewSession", func() error { return s.RenewSession(ctx, signedIn("ada"), nil, time.Now()) }},
		{"TouchSession", func() error { return s.TouchSession(ctx, "ada", "session", time.Now().Add(time.Hour)) }},
		{"EndSession", func() error { return s.EndSession(ctx, "ada", "session", time.Now(), time.Now().Add(time.Hour)) }},
		{"EndSessions", func() error { return s.EndSessions(ctx, "bob", "", time.Now()) }},
		{"CreateConnection", func() error { return s.CreateConnection(ctx, connected("ada")) }},
		{"CreateConnection", func() error {
			return beyond(records.MaxConnections, func(id string) error {
				c := connected("bob")
				c.ID = id
				return s.CreateConnection(ctx, c)
			})
		}},
		{"Connection", func() error { _, err := s.Connection(ctx, "ada", "connection"); return err }},
		{"ConnectionsOfUser", func() error { _, err := s.ConnectionsOfUser(ctx, "ada"); return err }},
		{"RotateConnection", func() error {
			_, err := s.RotateConnection(ctx, "ada", "connection", connected("ada").RefreshHash, "next", time.Now(), time.Now().Add(time.Hour))
			return err
		}},
		{"TouchConnection", func() error { return s.TouchConnection(ctx, "ada", "connection", time.Now()) }},
		{"EndConnection", func() error { return s.EndConnection(ctx, "ada", "connection") }},
		{"PutTicket", func() error { return s.PutTicket(ctx, ticket("code", "h")) }},
		{"Ticket", func() error { _, err := s.Ticket(ctx, "code", "h", time.Now()); return err }},
		{"SpendTicket", func() error { _, err := s.SpendTicket(ctx, "code", "h", "n", time.Now()); return err }},
		{"PutClient", func() error {
			return s.PutClient(ctx, records.Client{ID: "c", RedirectURIs: []string{"http://localhost/callback"}, ExpiresAt: time.Now().Add(time.Hour)})
		}},
		{"Client", func() error { _, err := s.Client(ctx, "c", time.Now()); return err }},
		{"ExtendClient", func() error { return s.ExtendClient(ctx, "c", time.Now().Add(2*time.Hour)) }},
		{"Count", func() error { _, err := s.Count(ctx, "k", time.Minute, time.Now()); return err }},
		{"DeleteUser", func() error { return s.DeleteUser(ctx, "ada", time.Now()) }},
		{"DepartedUser", func() error { _, err := s.DepartedUser(ctx, id); return err }},
		{"RestoreUser", func() error { return s.RestoreUser(ctx, "ada") }},
		{"DeleteUser", func() error { return s.DeleteUser(ctx, "bob", time.Now()) }},
		{"Departed", func() error { _, err := s.Departed(ctx, time.Now(), 10); return err }},
		{"ForgetUser", func() error { return s.ForgetUser(ctx, "bob") }},
		{"DeleteWiki", func() error { return s.DeleteWiki(ctx, "gone", nil) }},
		{"PutActivity", func() error { return s.PutActivity(ctx, records.Activity{WikiID: "gone", Sequence: 1}) }},
		{"ForgetWiki", func() error { return s.ForgetWiki(ctx, "gone") }},
	} {
		p.taken()
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.method, err)
		}
		if ran[c.method] == nil {
			ran[c.method] = tables.Actions{}
		}
		for n, did := range actions(names, p.taken()) {
			did = append(ran[c.method][n], did...)
			slices.Sort(did)
			ran[c.method][n] = slices.Compact(did)
		}
	}
	for method, want := range tables.Methods {
		for _, list := range want {
			slices.Sort(list)
		}
		if diff := cmp.Diff(want, ran[method]); diff != "" {
			t.Errorf("%s (-granted +done):\n%s", method, diff)
		}
	}
}

// beyond makes one more than there may be.
func beyond(most int, create func(id string) error) error {
	for n := range most + 1 {
		if err := create(fmt.Sprint(n)); err != nil {
			return err
		}
	}
	return nil
}

// ignore is for calls that are made for what they do, not for their answer.
func ignore(error) error { return nil }
