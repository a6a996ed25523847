package dynamo_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo"
	"wikibot.io/pkg/records/recordstest"
	"wikibot.io/pkg/records/sqlite"
)

// pair is the two drivers side by side.
type pair struct {
	t        *testing.T
	r        *rapid.T
	clock    *recordstest.Clock
	ours     recordstest.Store
	model    recordstest.Store
	steps    int
	heads    int
	wikis    []string
	gone     []string            // users who were forgotten
	commits  map[string][]string // by wiki, all that were tried
	messages []string
}

// Whatever is done in whatever order, the two drivers say the same and hold the
// same.
func TestDriversAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		clock := new(recordstest.Clock)
		names := fresh(t)
		model, err := sqlite.Open(filepath.Join(t.TempDir(), rapid.StringMatching(`[a-z]{12}`).Draw(r, "file")), sqlite.Options{Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		p := &pair{t: t, r: r, clock: clock, ours: open(t, names, dynamo.Options{Now: clock.Now}), model: model, commits: map[string][]string{}}
		r.Repeat(map[string]func(*rapid.T){
			"user": p.user, "wiki": p.wiki, "update": p.update, "delete": p.delete, "tier": p.tier, "step": p.step,
			"index": p.index, "grant": p.grant, "ungrant": p.ungrant, "token": p.token, "revoke": p.revoke, "touch": p.touch,
			"lease": p.lease, "bases": p.bases, "end of lease": p.endLease,
			"identity": p.identity, "profile": p.profile, "session": p.session, "end": p.endSession, "connection": p.connection,
			"rotate": p.rotate, "ticket": p.ticket, "client": p.client, "count": p.count,
			"leave": p.leave, "come back": p.comeBack, "forget": p.forget,
			"activity": p.activity, "time": func(r *rapid.T) {
				clock.Advance(time.Duration(rapid.Int64Range(1, int64(13*time.Hour)).Draw(r, "time")))
			},
			"": p.compareSometimes,
		})
		p.compare(r)
		var kinds []string
		for _, env := range watch(t, names).Events(t) {
			kinds = append(kinds, env.Type)
		}
		want := p.modelEvents()
		slices.Sort(kinds) // between the tables there is no order
		slices.Sort(want)
		if diff := cmp.Diff(want, kinds); diff != "" {
			r.Fatalf("events (-sqlite +dynamo):\n%s", diff)
		}
	})
}

// modelEvents lists the types of what the model emitted, as counted by same.
func (p *pair) modelEvents() []string { return p.messages }

// both does the same to both and compares the kinds of their answers.
func both[T any](p *pair, r *rapid.T, emits string, do func(recordstest.Store) (T, error)) {
	want, wantErr := do(p.model)
	got, gotErr := do(p.ours)
	if fault.KindOf(wantErr) != fault.KindOf(gotErr) {
		r.Fatalf("sqlite says %v, dynamo says %v", wantErr, gotErr)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		r.Fatalf("answers (-sqlite +dynamo):\n%s", diff)
	}
	if wantErr == nil && emits != "" {
		p.messages = append(p.messages, emits)
	}
}

// done is both for methods that answer with an error alone.
func done(p *pair, r *rapid.T, emits string, do func(recordstest.Store) error) {
	both(p, r, emits, func(s recordstest.Store) (struct{}, error) { return struct{}{}, do(s) })
}

func draw(r *rapid.T, what string, from ...string) string {
	return rapid.SampledFrom(from).Draw(r, what)
}

// someUser is one of three at a time: whoever was forgotten is followed by another.
func (p *pair) someUser(r *rapid.T) string {
	id := draw(r, "user", "ada", "bob", "cyn")
	for slices.Contains(p.gone, id) {
		id += "+"
	}
	return id
}

func (p *pair) someWiki(r *rapid.T) string { return draw(r, "wiki", append(p.wikis, "none")...) }

func (p *pair) user(r *rapid.T) {
	id, name := p.someUser(r), draw(r, "username", "ada", "bob", "cyn", "dee", "slug-1")
	email, sub := draw(r, "email", "a@x", "A@x", "b@x", "c@x"), draw(r, "subject", "1", "2", "3")
	done(p, r, "user.created", func(s recordstest.Store) error {
		return s.CreateUser(p.t.Context(), records.User{ID: id, Username: name, Email: email}, records.Identity{Provider: "dev", Subject: sub})
	})
}

func (p *pair) wiki(r *rapid.T) {
	// An id is never used again: one driver remembers those of deleted wikis a while.
	n := newWiki(fmt.Sprint("w", len(p.wikis)))
	n.OwnerID, n.Slug = p.someUser(r), draw(r, "slug", "slug-1", "slug-2", "ada", "bob")
	if rapid.Bool().Draw(r, "adopted") {
		n.Head, n.BasePacks = commit(1000), somePacks(r)
	}
	n.MaxWikis = rapid.IntRange(0, 3).Draw(r, "limit")
	before := len(p.messages)
	both(p, r, "wiki.created", func(s recordstest.Store) (records.Wiki, error) { return s.CreateWiki(p.t.Context(), n) })
	if len(p.messages) > before {
		p.wikis = append(p.wikis, n.ID)
	}
}

func (p *pair) update(r *rapid.T) {
	id, c := p.someWiki(r), records.WikiChange{}
	emits := ""
	if rapid.Bool().Draw(r, "rename") {
		c.Name, emits = new(draw(r, "name", "x", "y", "")), "wiki.updated"
	}
	if rapid.Bool().Draw(r, "publish") {
		c.Public, emits = new(rapid.Bool().Draw(r, "public")), "wiki.updated"
	}
	if rapid.Bool().Draw(r, "switch git") {
		c.GitOff, emits = new(rapid.Bool().Draw(r, "off")), "wiki.updated"
	}
	both(p, r, emits, func(s recordstest.Store) (records.Wiki, error) { return s.UpdateWiki(p.t.Context(), id, c, nil) })
}

func (p *pair) delete(r *rapid.T) {
	id := p.someWiki(r)
	done(p, r, "wiki.deleted", func(s recordstest.Store) error { return s.DeleteWiki(p.t.Context(), id, nil) })
	// Half of the deletions are cleaned up after at once.
	if rapid.Bool().Draw(r, "forget") {
		done(p, r, "", func(s recordstest.Store) error { return s.ForgetWiki(p.t.Context(), id) })
	}
}

func (p *pair) tier(r *rapid.T) {
	id, tier := p.someUser(r), records.Tier(draw(r, "tier", "free", "premium"))
	done(p, r, "", func(s recordstest.Store) error { return s.SetTier(p.t.Context(), id, tier) })
}

func (p *pair) step(r *rapid.T) {
	id := p.someWiki(r)
	old := draw(r, "old", append(p.commits[id], "")...)
	if w, err := p.model.Wiki(p.t.Context(), id); err == nil && rapid.IntRange(0, 4).Draw(r, "stale") > 0 {
		old = w.Head
	}
	p.heads++
	c := newStep(p.t, id, old, commit(p.heads))
	c.At = p.clock.Now()
	c.PageDelta, c.FileDelta = rapid.Int64Range(-2, 3).Draw(r, "pages"), rapid.Int64Range(-10, 20).Draw(r, "bytes")
	c.MaxPages, c.MaxBytes = rapid.Int64Range(0, 6).Draw(r, "most pages"), rapid.Int64Range(0, 60).Draw(r, "most bytes")
	key, print := draw(r, "key", "", "", "k1", "k2"), draw(r, "fingerprint", "f", "g")
	if key != "" {
		c.Idempotency = &records.Idempotency{Key: key, Fingerprint: print, Result: []byte(c.New)}
	}
	p.commits[id] = append(p.commits[id], c.New)
	both(p, r, "page.saved", func(s recordstest.Store) (records.Wiki, error) { return s.AdvanceHead(p.t.Context(), c) })
	both(p, r, "", func(s recordstest.Store) (string, error) {
		got, err := s.IdempotentResult(p.t.Context(), id, key, print)
		return string(got), err
	})
}

func (p *pair) index(r *rapid.T) {
	id := p.someWiki(r)
	index := func(what string) records.Index {
		return records.Index{Commit: draw(r, what, "", "c1", "c2"), File: draw(r, what+" file", "", "f1"), Sequence: rapid.Int64Range(0, 1).Draw(r, what+" sequence")}
	}
	old, new := index("old"), index("new")
	if w, err := p.model.Wiki(p.t.Context(), id); err == nil && rapid.Bool().Draw(r, "current") {
		old = w.Index
	}
	done(p, r, "index.updated", func(s recordstest.Store) error { return s.PublishIndex(p.t.Context(), id, old, new) })
}

func somePacks(r *rapid.T) []string {
	return rapid.SliceOfN(rapid.SampledFrom([]string{"p", "q"}), 0, 2).Draw(r, "packs")
}

func (p *pair) lease(r *rapid.T) {
	id, holder, now := p.someWiki(r), draw(r, "holder", "h1", "h2", ""), p.clock.Now()
	until := now.Add(time.Duration(rapid.Int64Range(-1, int64(26*time.Hour)).Draw(r, "lease")))
	both(p, r, "", func(s recordstest.Store) (records.Wiki, error) {
		return s.LeaseUpkeep(p.t.Context(), id, holder, now, until)
	})
}

func (p *pair) bases(r *rapid.T) {
	c := records.BaseChange{WikiID: p.someWiki(r), Holder: draw(r, "holder", "h1", "h2", ""), Packs: somePacks(r), Sequence: rapid.Int64Range(-1, 4).Draw(r, "step")}
	both(p, r, "", func(s recordstest.Store) (records.Wiki, error) { return s.ReplaceBases(p.t.Context(), c) })
}

func (p *pair) endLease(r *rapid.T) {
	id, holder := p.someWiki(r), draw(r, "holder", "h1", "h2", "")
	done(p, r, "", func(s recordstest.Store) error { return s.EndUpkeep(p.t.Context(), id, holder) })
}

// living is a wiki that exists: of a deleted one's grants and tokens the
// interface promises nothing but that they can be read.
func (p *pair) living(r *rapid.T) string {
	id := p.someWiki(r)
	if _, err := p.model.Wiki(p.t.Context(), id); err != nil {
		return "none"
	}
	return id
}

func (p *pair) grant(r *rapid.T) {
	g := records.Grant{WikiID: p.someWiki(r), UserID: p.someUser(r), Role: records.Role(draw(r, "role", "owner", "editor", "viewer", "king")), GrantedBy: "x"}
	limit := rapid.IntRange(0, 2).Draw(r, "authors")
	done(p, r, "grant.changed", func(s recordstest.Store) error { return s.PutGrant(p.t.Context(), g, limit, nil) })
}

func (p *pair) ungrant(r *rapid.T) {
	id, user := p.living(r), p.someUser(r)
	done(p, r, "grant.changed", func(s recordstest.Store) error { return s.DeleteGrant(p.t.Context(), id, user, nil) })
}

func (p *pair) token(r *rapid.T) {
	k := token(p.someWiki(r), draw(r, "name", "default", "ci", "zz"))
	k.Hash, k.Role = draw(r, "hash", "h1", "h2", "h3", "h4", ""), records.Role(draw(r, "role", "editor", "viewer", "owner"))
	k.ID += k.Hash
	if rapid.Bool().Draw(r, "replace") {
		done(p, r, "", func(s recordstest.Store) error { return s.ReplaceToken(p.t.Context(), k) })
	} else {
		done(p, r, "", func(s recordstest.Store) error { return s.CreateToken(p.t.Context(), k) })
	}
}

func (p *pair) revoke(r *rapid.T) {
	wiki := p.living(r)
	list, err := p.model.TokensOfWiki(p.t.Context(), wiki)
	if err != nil {
		r.Fatal(err)
	}
	id := "none"
	if len(list) > 0 {
		id = rapid.SampledFrom(list).Draw(r, "token").ID
	}
	done(p, r, "", func(s recordstest.Store) error { return s.RevokeToken(p.t.Context(), wiki, id) })
}

func (p *pair) touch(r *rapid.T) {
	hash, agent := draw(r, "hash", "h1", "h2", "h3", "h4"), draw(r, "agent", "a", "b", "")
	at := p.clock.Now().Add(time.Duration(rapid.IntRange(-90, 90).Draw(r, "seconds")) * time.Second)
	done(p, r, "", func(s recordstest.Store) error { return s.TouchToken(p.t.Context(), hash, at, agent) })
}

func (p *pair) activity(r *rapid.T) {
	a := records.Activity{WikiID: p.someWiki(r), Sequence: rapid.Int64Range(1, 5).Draw(r, "sequence"), At: p.clock.Now(), Page: draw(r, "page", "p", "q")}
	done(p, r, "", func(s recordstest.Store) error { return s.PutActivity(p.t.Context(), a) })
}

// compareSometimes is compare after each fifth step: all there is takes long to read, and what differs once
// seldom heals.
func (p *pair) compareSometimes(r *rapid.T) {
	if p.steps++; p.steps%5 == 0 {
		p.compare(r)
	}
}

// compare reads all there is from both.
func (p *pair) compare(r *rapid.T) {
	ctx := p.t.Context()
	for _, id := range append([]string{"ada", "bob", "cyn"}, p.gone...) {
		both(p, r, "", func(s recordstest.Store) (records.User, error) { return s.User(ctx, id) })
		both(p, r, "", func(s recordstest.Store) ([]records.Grant, error) { return s.GrantsOfUser(ctx, id) })
		both(p, r, "", func(s recordstest.Store) ([]records.Identity, error) { return s.IdentitiesOfUser(ctx, id) })
		both(p, r, "", func(s recordstest.Store) ([]records.Session, error) { return s.SessionsOfUser(ctx, id) })
		both(p, r, "", func(s recordstest.Store) ([]records.Connection, error) { return s.ConnectionsOfUser(ctx, id) })
	}
	both(p, r, "", func(s recordstest.Store) ([]records.User, error) {
		return s.Departed(ctx, p.clock.Now().Add(time.Hour), 2)
	})
	for _, id := range p.wikis {
		both(p, r, "", func(s recordstest.Store) (records.Wiki, error) { return s.Wiki(ctx, id) })
		both(p, r, "", func(s recordstest.Store) ([]records.Grant, error) { return s.GrantsOfWiki(ctx, id) })
		both(p, r, "", func(s recordstest.Store) ([]records.Token, error) { return s.TokensOfWiki(ctx, id) })
		if _, err := p.model.Wiki(ctx, id); err == nil { // one may be quicker to forget than the other
			both(p, r, "", func(s recordstest.Store) (records.Activity, error) { return s.Activity(ctx, id) })
		}
	}
	for _, name := range []string{"ada", "bob", "slug-1", "slug-2"} {
		both(p, r, "", func(s recordstest.Store) (records.Reservation, error) {
			n, _, err := s.NameTaken(ctx, name)
			return n, err
		})
	}
	for _, email := range []string{"a@x", "b@x", "c@x"} {
		both(p, r, "", func(s recordstest.Store) (records.User, error) { return s.UserByEmail(ctx, email) })
	}
}
