package identity

import (
	"context"

	lru "github.com/hashicorp/golang-lru/v2"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// Rights is what a Gate reads on each request.
type Rights interface {
	WikiID(ctx context.Context, slug string) (string, error)
	Wiki(ctx context.Context, id string) (records.Wiki, error)
	Grant(ctx context.Context, wikiID, userID string) (records.Grant, error)
}

// Gate opens wikis to those who may enter. The zero Gate with Records works;
// [NewGate] makes one that remembers slugs.
type Gate struct {
	Records Rights
	slugs   *lru.Cache[string, string] // slug → wiki id; nil: none remembered
}

// maxSlugs bounds the slugs that a gate remembers.
const maxSlugs = 10_000

// NewGate returns a gate that asks only once which wiki a slug names. That is
// for ever, until the wiki is gone, and whether it is gone is asked each time.
func NewGate(r Rights) (Gate, error) {
	slugs, err := lru.New[string, string](maxSlugs)
	return Gate{Records: r, slugs: slugs}, err
}

// Entry is an opened wiki and what else the principal may do there, for doors
// that show or hide actions.
type Entry struct {
	Wiki      records.Wiki
	Principal Principal
	Role      records.Role // "" for a stranger reading a public wiki
}

// May reports whether the entry allows an action.
func (e Entry) May(a Action) bool {
	g := records.Grant{WikiID: e.Wiki.ID, UserID: e.Principal.UserID, Role: e.Role}
	return Decide(e.Principal, e.Wiki, g, a) == Allow
}

// Enter resolves the slug and lets the request's principal (see [From]) in, or
// says why not: fault.Unauthenticated for the anonymous, whether the wiki is
// private or missing; fault.NotFound for those who are known but strangers to a
// private wiki, as for a missing one; fault.Denied for those who may read but
// not do this.
func (g Gate) Enter(ctx context.Context, slug string, a Action) (Entry, error) {
	p := From(ctx)
	w, err := g.wiki(ctx, slug)
	if fault.Is(err, fault.NotFound) {
		if p.anonymous() {
			return Entry{}, refusal(SignIn, slug, a)
		}
		return Entry{}, refusal(Hide, slug, a)
	}
	if err != nil {
		return Entry{}, err
	}
	var grant records.Grant
	if !p.anonymous() {
		grant, err = g.Records.Grant(ctx, w.ID, p.UserID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return Entry{}, err
		}
	}
	if d := Decide(p, w, grant, a); d != Allow {
		return Entry{}, refusal(d, slug, a)
	}
	return Entry{Wiki: w, Principal: p, Role: roleIn(p, w, grant)}, nil
}

// wiki reads the wiki of a slug. One that is closed is as good as missing.
func (g Gate) wiki(ctx context.Context, slug string) (records.Wiki, error) {
	w, err := g.record(ctx, slug)
	if err == nil && w.Closed {
		return records.Wiki{}, fault.New(fault.NotFound, "find wiki %q: it is closed", slug)
	}
	return w, err
}

func (g Gate) record(ctx context.Context, slug string) (records.Wiki, error) {
	if g.slugs != nil {
		if id, ok := g.slugs.Get(slug); ok {
			w, err := g.Records.Wiki(ctx, id)
			if !fault.Is(err, fault.NotFound) {
				return w, err
			}
			g.slugs.Remove(slug) // its owner may have made another of that name
		}
	}
	id, err := g.Records.WikiID(ctx, slug)
	if err != nil {
		return records.Wiki{}, err
	}
	w, err := g.Records.Wiki(ctx, id)
	if err == nil && g.slugs != nil {
		g.slugs.Add(slug, id)
	}
	return w, err
}

func refusal(d Decision, slug string, a Action) error {
	switch d {
	case SignIn:
		return fault.New(fault.Unauthenticated, "%s wiki %q: sign in or send a token of this wiki", a, slug)
	case Hide:
		return fault.New(fault.NotFound, "%s wiki %q: there is no such wiki, or none that you may see", a, slug)
	default:
		return fault.New(fault.Denied, "%s wiki %q: your role does not allow it", a, slug)
	}
}
