package management

import (
	"context"
	"strings"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/names"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/tier"
)

// defaultToken is the name of the token that is made with a wiki.
const defaultToken = "default"

// NewWiki is what a wiki is made from.
type NewWiki struct {
	Slug   string
	Name   string
	Public bool
	// AnySlug lifts the rule that a wiki on the free plan bears its owner's
	// username. The command line may set it.
	AnySlug bool

	// ID is chosen by a caller who has brought a repository in under it; "" for
	// a new one. The others then describe that repository.
	ID                   string
	Head                 string
	BasePacks            []string
	PageCount, FileBytes int64
}

// CreateWiki creates a wiki for its owner, with the default token, whose secret
// is returned and kept nowhere. Errors: fault.Limit when the owner's plan holds
// no more wikis; fault.Invalid or fault.Exists with every field ("slug", "name")
// that is wrong.
func CreateWiki(ctx context.Context, store WikiStore, owner records.User, nw NewWiki) (w records.Wiki, secret string, err error) {
	nw.Name = strings.TrimSpace(nw.Name)
	if err := CheckWiki(ctx, store, owner, nw); err != nil {
		return records.Wiki{}, "", err
	}
	limit := tier.Of(owner.Tier).Wikis
	now := time.Now().UTC()
	id := nw.ID
	if id == "" {
		id = events.NewID(now)
	}
	token, secret := newToken(id, owner.ID, now)
	w, err = store.CreateWiki(ctx, records.NewWiki{
		ID: id, Slug: nw.Slug, Name: nw.Name, OwnerID: owner.ID, Public: nw.Public,
		Token: token, MaxWikis: limit, CreatedAt: now,
		Actor: &events.Actor{UserId: owner.ID, Name: owner.DisplayName},
		Head:  nw.Head, BasePacks: nw.BasePacks, PageCount: nw.PageCount, FileBytes: nw.FileBytes,
	})
	switch {
	case fault.Is(err, fault.Exists): // somebody was faster than the check
		return records.Wiki{}, "", taken(err, nil)
	case fault.Is(err, fault.Limit):
		return records.Wiki{}, "", limitReached(owner, err)
	case err != nil:
		return records.Wiki{}, "", err
	}
	return w, secret, nil
}

// CheckWiki says whether CreateWiki would find anything wrong, for a caller who
// has long work to do before.
func CheckWiki(ctx context.Context, store WikiStore, owner records.User, nw NewWiki) error {
	if owner.Wikis >= tier.Of(owner.Tier).Wikis {
		return limitReached(owner, nil)
	}
	nw.Name = strings.TrimSpace(nw.Name)
	return check(ctx, store, owner, nw)
}

// check finds everything that is wrong with the fields at once, a taken slug
// included, so that nobody mends a form twice.
func check(ctx context.Context, store WikiStore, owner records.User, nw NewWiki) error {
	slugWrong := names.Label(nw.Slug)
	if slugWrong == nil && !nw.AnySlug && owner.Tier != records.Premium && nw.Slug != owner.Username {
		slugWrong = []string{"on the free plan a wiki bears your username, " + owner.Username}
	}
	wrong := append(names.Fields("slug", slugWrong), names.Fields("name", names.Display(nw.Name))...)
	if slugWrong == nil {
		free, err := available(ctx, store, owner.ID, nw.Slug)
		if err != nil {
			return err
		}
		if !free {
			return taken(nil, wrong)
		}
	}
	return fault.InvalidFields("create wiki", wrong)
}

// available reports whether the user may give a wiki this name: nobody has it,
// or it is their own username and no wiki bears it yet.
func available(ctx context.Context, store WikiStore, userID, name string) (bool, error) {
	r, isTaken, err := store.NameTaken(ctx, name)
	if err != nil {
		return false, err
	}
	return !isTaken || r.UserID == userID && r.WikiID == "", nil
}

const slugTaken = "is taken: choose another"

func taken(cause error, also []fault.Field) error {
	e := fault.Wrap(cause, fault.Exists, "create wiki: the slug is taken")
	e.Fields = append([]fault.Field{{Name: "slug", Msg: slugTaken}}, also...)
	return e
}

func limitReached(owner records.User, cause error) error {
	n := tier.Of(owner.Tier).Wikis
	noun := "wikis"
	if n == 1 {
		noun = "wiki"
	}
	return fault.Wrap(cause, fault.Limit, "create wiki: the %s plan holds %d %s, and you have that many: delete one, or change the plan", owner.Tier, n, noun)
}

// newToken makes a token that may read and write, as agents need it.
func newToken(wikiID, userID string, now time.Time) (records.Token, string) {
	secret, hash := identity.NewWikiToken()
	return records.Token{
		ID: events.NewID(now), Hash: hash, WikiID: wikiID, UserID: userID,
		Name: defaultToken, Role: records.Editor, CreatedAt: now,
	}, secret
}
