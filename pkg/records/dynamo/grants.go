package dynamo

import (
	"context"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

// grantItem is a grant, in the table grants: once under its wiki and once under
// its user, always written together.
type grantItem struct {
	PK        string       `dynamodbav:"pk"`
	SK        string       `dynamodbav:"sk"`
	WikiID    string       `dynamodbav:"wiki_id"`
	UserID    string       `dynamodbav:"user_id"`
	Role      records.Role `dynamodbav:"role"`
	GrantedBy string       `dynamodbav:"granted_by"`
	GrantedAt int64        `dynamodbav:"granted_at"`
}

func (i grantItem) grant() records.Grant {
	return records.Grant{WikiID: i.WikiID, UserID: i.UserID, Role: i.Role, GrantedBy: i.GrantedBy, GrantedAt: instant(i.GrantedAt)}
}

// grantItems are the two items, the wiki's first.
func grantItems(g records.Grant) [2]grantItem {
	of := func(pk, sk string) grantItem {
		return grantItem{pk, sk, g.WikiID, g.UserID, g.Role, g.GrantedBy, nanos(g.GrantedAt)}
	}
	return [2]grantItem{of("wiki#"+g.WikiID, "user#"+g.UserID), of("user#"+g.UserID, "wiki#"+g.WikiID)}
}

// grantKeys are the keys of the two items, the wiki's first.
func grantKeys(wikiID, userID string) [2]attributes {
	return [2]attributes{sorted("wiki#"+wikiID, "user#"+userID), sorted("user#"+userID, "wiki#"+wikiID)}
}

// grantItem reads a grant; zero if there is none.
func (s *Store) grantItem(ctx context.Context, wikiID, userID string) (grantItem, error) {
	if !keyable(wikiID, userID) {
		return grantItem{}, nil
	}
	item, _, err := get[grantItem](ctx, s, tables.Grants, grantKeys(wikiID, userID)[0])
	return item, err
}

// Grant implements [records.Grants].
func (s *Store) Grant(ctx context.Context, wikiID, userID string) (records.Grant, error) {
	item, err := s.grantItem(ctx, wikiID, userID)
	if err == nil && item.PK == "" {
		err = absent("read the grant of user %s in wiki %s", userID, wikiID)
	}
	return item.grant(), explain(err, "read the grant of user %s in wiki %s", userID, wikiID)
}

// GrantsOfUser implements [records.Grants].
func (s *Store) GrantsOfUser(ctx context.Context, userID string) ([]records.Grant, error) {
	gs, err := s.grants(ctx, "user#", userID)
	return gs, explain(err, "list the grants of user %s", userID)
}

// GrantsOfWiki implements [records.Grants].
func (s *Store) GrantsOfWiki(ctx context.Context, wikiID string) ([]records.Grant, error) {
	gs, err := s.grants(ctx, "wiki#", wikiID)
	return gs, explain(err, "list the grants of wiki %s", wikiID)
}

func (s *Store) grants(ctx context.Context, kind, id string) (gs []records.Grant, err error) {
	if !keyable(id) {
		return nil, nil
	}
	items, err := query[grantItem](ctx, s, tables.Grants, kind+id, "")
	for _, i := range items {
		gs = append(gs, i.grant())
	}
	return gs, err
}

// PutGrant implements [records.Grants].
func (s *Store) PutGrant(ctx context.Context, g records.Grant, maxAuthors int, actor *eventsv1.Actor) error {
	what := "grant a role in wiki " + g.WikiID
	if err := g.Check(); err != nil {
		return err
	}
	if !keyable(g.WikiID, g.UserID) {
		return absent("%s to user %s", what, g.UserID)
	}
	g.GrantedAt = s.orNow(g.GrantedAt)
	event, err := s.caused(g.WikiID, actor, &eventsv1.GrantChanged{UserId: g.UserID, Role: string(g.Role)})
	if err != nil {
		return explain(err, "%s", what)
	}
	for range rounds {
		old, err := s.grantItem(ctx, g.WikiID, g.UserID)
		if err != nil {
			return explain(err, "%s", what)
		}
		if old.Role == records.Owner {
			return s.ownersGrantStands(ctx, g.WikiID)
		}
		t := s.begin()
		wiki := t.update(authors(g.WikiID, weight(g.Role)-weight(old.Role), maxAuthors, event))
		user := t.check(tables.Users, key(userKey(g.UserID)), staying, nil)
		condition, vals := unchanged(old)
		for _, item := range grantItems(g) {
			t.put(tables.Grants, item, condition, vals)
		}
		no, err := t.commit(ctx)
		switch {
		case no == nil:
			return explain(err, "%s", what)
		case no.failed[wiki]:
			item, err := decode[wikiItem](no.old[wiki])
			if err != nil {
				return explain(err, "%s", what)
			}
			if !item.living() {
				return absent("%s", what)
			}
			if no.failed[user] {
				return absent("%s to user %s", what, g.UserID)
			}
			if !no.failed[user+1] {
				return fault.New(fault.Limit, "%s: it has %d of %d authors", what, item.Authors, maxAuthors)
			}
		case no.failed[user]:
			return absent("%s to user %s", what, g.UserID)
		}
		// The grant has changed since it was read.
	}
	return tired(what)
}

// ownersGrantStands is the answer to whoever would change an owner's grant: it
// is there as long as the wiki is, and some moments longer.
func (s *Store) ownersGrantStands(ctx context.Context, wikiID string) error {
	if _, err := s.Wiki(ctx, wikiID); err != nil {
		return err
	}
	return fault.New(fault.Denied, "change a grant in wiki %s: the owner's cannot be changed", wikiID)
}

// weight is what a role counts as among the authors.
func weight(r records.Role) int {
	if r == records.Editor || r == records.Owner {
		return 1
	}
	return 0
}

// authors changes the count of authors, within a limit if it grows, and emits.
func authors(wikiID string, delta, limit int, event carried) update {
	u := update{
		tables.Wikis, key(wikiID), "SET #authors = #authors + :delta" + emit, living,
		values{":delta": delta, ":event_id": event.id, ":event": event.line},
	}
	if delta > 0 && limit > 0 {
		u.condition += " AND #authors < :limit"
		u.values[":limit"] = limit
	}
	return u
}

// unchanged is the condition that a grant still is what was read.
func unchanged(old grantItem) (string, values) {
	if old.PK == "" {
		return free, nil
	}
	return "#role = :old_role", values{":old_role": old.Role}
}

// DeleteGrant implements [records.Grants].
func (s *Store) DeleteGrant(ctx context.Context, wikiID, userID string, actor *eventsv1.Actor) error {
	what := "delete a grant in wiki " + wikiID
	event, err := s.caused(wikiID, actor, &eventsv1.GrantChanged{UserId: userID})
	if err != nil {
		return explain(err, "%s", what)
	}
	for range rounds {
		old, err := s.grantItem(ctx, wikiID, userID)
		switch {
		case err != nil:
			return explain(err, "%s", what)
		case old.PK == "":
			return absent("%s: user %s has none", what, userID)
		case old.Role == records.Owner:
			return fault.New(fault.Denied, "%s: the owner's cannot be changed", what)
		}
		t := s.begin()
		wiki := t.update(authors(wikiID, -weight(old.Role), 0, event))
		condition, vals := unchanged(old)
		for _, k := range grantKeys(wikiID, userID) {
			t.delete(tables.Grants, k, condition, vals)
		}
		no, err := t.commit(ctx)
		switch {
		case no == nil:
			return explain(err, "%s", what)
		case no.failed[wiki]:
			return absent("%s", what)
		}
		// The grant has changed since it was read.
	}
	return tired(what)
}
