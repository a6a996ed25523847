package identity_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// rights is a set of records with one user ("u") who may have a role in one
// wiki, beside other users and wikis.
type rights struct {
	wikis  map[string]records.Wiki // by id
	slugs  map[string]string
	grants []records.Grant
}

func (r rights) WikiID(_ context.Context, slug string) (string, error) {
	if id, ok := r.slugs[slug]; ok {
		return id, nil
	}
	return "", fault.New(fault.NotFound, "find wiki %s: there is none", slug)
}

func (r rights) Wiki(_ context.Context, id string) (records.Wiki, error) {
	if w, ok := r.wikis[id]; ok {
		return w, nil
	}
	return records.Wiki{}, fault.New(fault.NotFound, "read wiki %s: there is none", id)
}

func (r rights) Grant(_ context.Context, wikiID, userID string) (records.Grant, error) {
	for _, g := range r.grants {
		if g.WikiID == wikiID && g.UserID == userID {
			return g, nil
		}
	}
	return records.Grant{}, fault.New(fault.NotFound, "read grant: there is none")
}

// answer is what a door would say.
type answer string

const (
	yes    answer = "yes"
	signIn answer = "sign in"
	hide   answer = "hide"
	forbid answer = "forbid"
)

func answerOf(err error) answer {
	switch fault.KindOf(err) {
	case "":
		return yes
	case fault.Unauthenticated:
		return signIn
	case fault.NotFound:
		return hide
	case fault.Denied:
		return forbid
	}
	return answer(fmt.Sprint("error: ", err))
}

// TestMatrix walks every kind of principal, with every role they may have, over
// a public, a private, a missing, a deleted and a closed wiki and every action. The four
// columns of an answer are read, write, upload, admin.
func TestMatrix(t *testing.T) {
	session := identity.Principal{Kind: identity.Session, UserID: "u"}
	token := func(wiki string, most records.Role) identity.Principal {
		return identity.Principal{Kind: identity.WikiToken, UserID: "u", WikiID: wiki, MaxRole: most, TokenID: "t"}
	}
	agent := func(wiki string, most records.Role) identity.Principal {
		return identity.Principal{Kind: identity.ConnectedAgent, UserID: "u", WikiID: wiki, MaxRole: most, ConnectionID: "c"}
	}
	cli := identity.Principal{Kind: identity.CommandLine, UserID: "u", SessionID: "s"}
	all := [4]answer{yes, yes, yes, yes}
	write := [4]answer{yes, yes, yes, forbid}
	read := [4]answer{yes, forbid, forbid, forbid}
	readOrSignIn := [4]answer{yes, signIn, signIn, signIn}
	none := [4]answer{hide, hide, hide, hide}
	strangers := [4]answer{signIn, signIn, signIn, signIn}

	for _, c := range []struct {
		why             string
		p               identity.Principal
		role            records.Role // of u in the wiki; "" for no grant
		public, private [4]answer
		gone            [4]answer // missing, deleted or closed
	}{
		{"nobody", identity.Principal{Kind: identity.Anonymous}, "", readOrSignIn, strangers, strangers},
		{"the zero principal is nobody", identity.Principal{}, "", readOrSignIn, strangers, strangers},
		{"anonymous with a user id proves nothing", identity.Principal{Kind: identity.Anonymous, UserID: "u"}, records.Owner, readOrSignIn, strangers, strangers},
		{"a kind that nobody knows proves nothing", identity.Principal{Kind: "robot", UserID: "u"}, records.Owner, readOrSignIn, strangers, strangers},
		{"a session without a user proves nothing", identity.Principal{Kind: identity.Session}, records.Owner, readOrSignIn, strangers, strangers},

		{"session, stranger", session, "", read, none, none},
		{"session, viewer", session, records.Viewer, read, read, none},
		{"session, editor", session, records.Editor, write, write, none},
		{"session, owner", session, records.Owner, all, all, none},
		{"a role that is not one of ours is none", session, "admin", read, none, none},

		{"token of the owner", token("w", records.Editor), records.Owner, write, write, none},
		{"token that claims to be owner never administers", token("w", records.Owner), records.Owner, write, write, none},
		{"reading token of the owner", token("w", records.Viewer), records.Owner, read, read, none},
		{"token of an editor", token("w", records.Editor), records.Editor, write, write, none},
		{"token whose maker became a viewer", token("w", records.Editor), records.Viewer, read, read, none},
		{"token whose maker lost the grant", token("w", records.Editor), "", read, none, none},
		{"token without a role", token("w", ""), records.Owner, read, none, none},
		{"token of another wiki, maker owns both", token("other", records.Editor), records.Owner, read, none, none},
		{"token of no wiki", token("", records.Editor), records.Owner, read, none, none},

		{"agent of the owner", agent("w", records.Editor), records.Owner, write, write, none},
		{"agent that claims to be owner never administers", agent("w", records.Owner), records.Owner, write, write, none},
		{"agent that was let read only", agent("w", records.Viewer), records.Owner, read, read, none},
		{"agent of an editor", agent("w", records.Editor), records.Editor, write, write, none},
		{"agent whose person became a viewer", agent("w", records.Editor), records.Viewer, read, read, none},
		{"agent whose person lost the grant", agent("w", records.Editor), "", read, none, none},
		{"agent without a role", agent("w", ""), records.Owner, read, none, none},
		{"agent of another wiki, whose person owns both", agent("other", records.Editor), records.Owner, read, none, none},
		{"agent of a wiki that is none", agent("", records.Editor), records.Owner, read, none, none},
		{"an agent without a user proves nothing", identity.Principal{Kind: identity.ConnectedAgent, WikiID: "w", MaxRole: records.Editor}, records.Owner, readOrSignIn, strangers, strangers},

		{"command line of the owner never administers", cli, records.Owner, write, write, none},
		{"command line of an editor", cli, records.Editor, write, write, none},
		{"command line of a viewer", cli, records.Viewer, read, read, none},
		{"command line of a stranger", cli, "", read, none, none},
		{"a command line without a user proves nothing", identity.Principal{Kind: identity.CommandLine}, records.Owner, readOrSignIn, strangers, strangers},
	} {
		r := rights{
			wikis: map[string]records.Wiki{"w": {ID: "w"}, "other": {ID: "other"}},
			// "deleted" still resolves, as a cached name does, but has no record.
			slugs:  map[string]string{"here": "w", "deleted": "x"},
			grants: []records.Grant{{WikiID: "other", UserID: "u", Role: records.Owner}, {WikiID: "w", UserID: "v", Role: records.Owner}},
		}
		if c.role != "" {
			r.grants = append(r.grants, records.Grant{WikiID: "w", UserID: "u", Role: c.role}, records.Grant{WikiID: "x", UserID: "u", Role: c.role})
		}
		gate := identity.Gate{Records: r}
		for _, wiki := range []struct {
			name, slug string
			public     bool
			want       [4]answer
		}{
			{"public", "here", true, c.public},
			{"private", "here", false, c.private},
			{"missing", "missing", false, c.gone},
			{"deleted", "deleted", false, c.gone},
			{"closed", "here", false, c.gone},
			{"closed public", "here", true, c.gone},
		} {
			w := records.Wiki{ID: "w", Slug: "here", Public: wiki.public, Closed: strings.HasPrefix(wiki.name, "closed")}
			r.wikis["w"] = w
			for i, action := range []identity.Action{identity.Read, identity.Write, identity.Upload, identity.Admin} {
				entry, err := gate.Enter(identity.With(t.Context(), c.p), wiki.slug, action)
				if got := answerOf(err); got != wiki.want[i] {
					t.Errorf("%s: %s %s wiki: got %q, want %q", c.why, action, wiki.name, got, wiki.want[i])
				}
				if err == nil && !entry.May(action) {
					t.Errorf("%s: %s %s wiki: entered, but May says no", c.why, action, wiki.name)
				}
				grant := records.Grant{WikiID: "w", UserID: "u", Role: c.role}
				if wiki.slug == "here" && (identity.Decide(c.p, w, grant, action) == identity.Allow) != (err == nil) {
					t.Errorf("%s: %s %s wiki: the gate says %v, Decide does not", c.why, action, wiki.name, err)
				}
			}
		}
	}
}

// TestClosedWikiOfARememberedSlug: a gate that knows the slug looks at the record
// all the same, and lets in again when the owner comes back.
func TestClosedWikiOfARememberedSlug(t *testing.T) {
	r := rights{wikis: map[string]records.Wiki{"w": {ID: "w", Public: true}}, slugs: map[string]string{"ada": "w"}}
	gate, err := identity.NewGate(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, closed := range []bool{false, true, false} {
		r.wikis["w"] = records.Wiki{ID: "w", Public: true, Closed: closed}
		if _, err := gate.Enter(t.Context(), "ada", identity.Read); fault.Is(err, fault.Unauthenticated) != closed {
			t.Errorf("closed %v: %v", closed, err)
		}
	}
}

// TestStrangersCannotTellPrivateFromMissing: not by the kind of the refusal nor
// by its words.
func TestStrangersCannotTellPrivateFromMissing(t *testing.T) {
	gate := func(slugs map[string]string) identity.Gate {
		return identity.Gate{Records: rights{wikis: map[string]records.Wiki{"w": {ID: "w"}}, slugs: slugs}}
	}
	private, missing := gate(map[string]string{"ada": "w"}), gate(nil)
	for _, p := range []identity.Principal{
		{Kind: identity.Anonymous},
		{Kind: identity.Session, UserID: "stranger"},
		{Kind: identity.WikiToken, UserID: "stranger", WikiID: "other", MaxRole: records.Editor},
		{Kind: identity.ConnectedAgent, UserID: "stranger", WikiID: "other", MaxRole: records.Editor},
		{Kind: identity.CommandLine, UserID: "stranger"},
	} {
		for _, a := range []identity.Action{identity.Read, identity.Write, identity.Upload, identity.Admin} {
			ctx := identity.With(t.Context(), p)
			_, one := private.Enter(ctx, "ada", a)
			_, two := missing.Enter(ctx, "ada", a)
			if one == nil || two == nil || one.Error() != two.Error() || fault.KindOf(one) != fault.KindOf(two) {
				t.Errorf("%s, %s: private says %v, missing says %v", p.Kind, a, one, two)
			}
		}
	}
}

// TestAFailureIsNoAnswer: when the records cannot be read nobody gets in, and
// nobody is told that the wiki is missing.
func TestAFailureIsNoAnswer(t *testing.T) {
	down := fault.New(fault.Unavailable, "read wiki: try again")
	gate := identity.Gate{Records: broken{down}}
	_, err := gate.Enter(identity.With(t.Context(), identity.Principal{Kind: identity.Session, UserID: "u"}), "ada", identity.Read)
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
}

// broken has a wiki whose grants cannot be read.
type broken struct{ err error }

func (b broken) WikiID(context.Context, string) (string, error) { return "w", nil }
func (b broken) Wiki(context.Context, string) (records.Wiki, error) {
	return records.Wiki{ID: "w", Public: true}, nil
}
func (b broken) Grant(context.Context, string, string) (records.Grant, error) {
	return records.Grant{}, b.err
}
