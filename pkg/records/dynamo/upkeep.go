package dynamo

import (
	"context"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

// A lease is two attributes of the wiki's item, and a change of them or of the
// list of bases brings no event: the stream shows it, and [Emitted] finds nothing.

// LeaseUpkeep implements [records.Upkeep]. A lease taken by an attempt whose answer
// was lost is the holder's own when it asks again.
func (s *Store) LeaseUpkeep(ctx context.Context, wikiID, holder string, now, until time.Time) (records.Wiki, error) {
	what := "lease the upkeep of wiki " + wikiID
	if err := records.CheckLease(wikiID, holder, now, until); err != nil {
		return records.Wiki{}, err
	}
	if !keyable(wikiID) {
		return records.Wiki{}, absent("%s", what)
	}
	found, changed, _, err := s.apply(ctx, update{
		table: tables.Wikis, key: key(wikiID),
		set:       "SET #upkeep_holder = :holder, #upkeep_until = :until",
		condition: living + " AND (attribute_not_exists(#upkeep_holder) OR #upkeep_holder = :holder OR #upkeep_until <= :now)",
		values:    values{":holder": holder, ":until": nanos(until), ":now": nanos(now)},
	})
	if err != nil {
		return records.Wiki{}, explain(err, "%s", what)
	}
	item, err := decode[wikiItem](found)
	switch {
	case err != nil:
		return records.Wiki{}, explain(err, "%s", what)
	case !item.living():
		return records.Wiki{}, absent("%s", what)
	case !changed:
		return records.Wiki{}, fault.New(fault.Conflict, "%s: somebody else has it", what)
	}
	return item.wiki(), nil
}

// ReplaceBases implements [records.Upkeep]. An attempt whose answer was lost is
// repeated, which changes nothing; if another has taken the lease since, the answer
// is that, which is true and all that the caller has to know.
func (s *Store) ReplaceBases(ctx context.Context, c records.BaseChange) (records.Wiki, error) {
	what := "replace bases of wiki " + c.WikiID
	if err := c.Check(); err != nil {
		return records.Wiki{}, err
	}
	if !keyable(c.WikiID) {
		return records.Wiki{}, absent("%s", what)
	}
	found, changed, _, err := s.apply(ctx, replacement(c))
	if err != nil {
		return records.Wiki{}, explain(err, "%s", what)
	}
	item, err := decode[wikiItem](found)
	switch {
	case err != nil:
		return records.Wiki{}, explain(err, "%s", what)
	case changed:
		return item.wiki(), nil
	case !item.living():
		return records.Wiki{}, absent("%s", what)
	case c.Holder == "" || item.UpkeepHolder != c.Holder:
		return records.Wiki{}, fault.New(fault.Conflict, "%s: the lease is somebody else's", what)
	}
	if err := c.CheckSteps(item.wiki()); err != nil {
		return records.Wiki{}, err
	}
	return records.Wiki{}, fault.New(fault.Unavailable, "%s: it cannot be told why it was refused", what)
}

// replacement is the update that replaces the list of bases.
func replacement(c records.BaseChange) update {
	u := update{
		table: tables.Wikis, key: key(c.WikiID),
		set: "SET #base_sequence = :base_sequence",
		condition: living + " AND #upkeep_holder = :holder AND #sequence >= :base_sequence" +
			" AND (attribute_not_exists(#base_sequence) OR #base_sequence <= :base_sequence)",
		values: values{":holder": c.Holder, ":base_sequence": c.Sequence},
	}
	if len(c.Packs) > 0 {
		u.set += ", #base_packs = :base_packs"
		u.values[":base_packs"] = packedNames(c.Packs)
	} else {
		u.set += " REMOVE #base_packs"
	}
	return u
}

// EndUpkeep implements [records.Upkeep].
func (s *Store) EndUpkeep(ctx context.Context, wikiID, holder string) error {
	if holder == "" || !keyable(wikiID) {
		return nil // nobody has such a lease
	}
	_, _, _, err := s.apply(ctx, update{
		table: tables.Wikis, key: key(wikiID),
		set: "REMOVE #upkeep_holder, #upkeep_until", condition: "#upkeep_holder = :holder", values: values{":holder": holder},
	})
	return explain(err, "end the upkeep of wiki %s", wikiID)
}
