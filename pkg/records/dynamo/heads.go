package dynamo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

// AdvanceHead implements [records.Heads]. Without an idempotency key it is one
// request: one conditional update of the wiki's item, which carries the event.
func (s *Store) AdvanceHead(ctx context.Context, c records.HeadChange) (records.Wiki, error) {
	if err := c.Check(); err != nil {
		return records.Wiki{}, err
	}
	what := "advance head of wiki " + c.WikiID
	if !keyable(c.WikiID) {
		return records.Wiki{}, absent("%s", what)
	}
	c.At = s.orNow(c.At)
	event, err := carry(c.Event)
	if err != nil {
		return records.Wiki{}, explain(err, "%s", what)
	}
	if c.Idempotency != nil {
		w, err := s.advanceOnce(ctx, c, event)
		return w, explain(err, "%s", what)
	}
	found, changed, unsure, err := s.apply(ctx, step(c, event))
	if err != nil {
		return records.Wiki{}, explain(err, "%s", what)
	}
	item, err := decode[wikiItem](found)
	if err != nil {
		return records.Wiki{}, explain(err, "%s", what)
	}
	if changed {
		return item.wiki(), nil
	}
	if unsure {
		switch taken, known := item.outcome(c); {
		case taken:
			return item.wiki(), nil
		case !known:
			return records.Wiki{}, fault.New(fault.Unavailable, "%s: the answer was lost, and since then others have moved it far on", what)
		}
	}
	return records.Wiki{}, refuse(c, item)
}

// step is the update that takes a step.
func step(c records.HeadChange, event carried) update {
	u := update{
		table: tables.Wikis, key: key(c.WikiID),
		set: "SET #head = :new, #head_at = :at, #sequence = #sequence + :one, #page_count = #page_count + :pages, #file_bytes = #file_bytes + :bytes" +
			shiftTrail + emit,
		condition: living + " AND #head = :old",
		values: values{
			":new": c.New, ":old": c.Old, ":at": nanos(c.At), ":one": 1, ":pages": c.PageDelta, ":bytes": c.FileDelta,
			":t1": trail(c.New), ":t0": "", ":event_id": event.id, ":event": event.line,
		},
	}
	if c.PageDelta > 0 && c.MaxPages > 0 {
		u.condition += " AND #page_count <= :most_pages"
		u.values[":most_pages"] = c.MaxPages - c.PageDelta
	}
	if c.FileDelta > 0 && c.MaxBytes > 0 {
		u.condition += " AND #file_bytes <= :most_bytes"
		u.values[":most_bytes"] = c.MaxBytes - c.FileDelta
	}
	return u
}

// trail is how a step is remembered in the wiki's item: enough of its commit to
// know it again. The last eight are kept, so that a writer whose answer was lost
// still finds its step after others have built on it, instead of taking it again.
func trail(commit string) string { return commit[max(0, len(commit)-8):] }

// shiftTrail is the part of a SET that remembers a step. Each right side is what
// the item held before.
const shiftTrail = ", #t1 = :t1, #t2 = if_not_exists(#t1, :t0), #t3 = if_not_exists(#t2, :t0), #t4 = if_not_exists(#t3, :t0)" +
	", #t5 = if_not_exists(#t4, :t0), #t6 = if_not_exists(#t5, :t0), #t7 = if_not_exists(#t6, :t0), #t8 = if_not_exists(#t7, :t0)"

// outcome tells what became of a step of which an attempt may have taken effect
// without an answer.
func (i wikiItem) outcome(c records.HeadChange) (taken, known bool) {
	if !i.living() {
		return false, true
	}
	if i.Head == c.New {
		return true, true
	}
	steps := []string{i.T1, i.T2, i.T3, i.T4, i.T5, i.T6, i.T7, i.T8}
	if slices.Contains(steps, trail(c.New)) {
		return true, true
	}
	// If the step's start is among them, so is everything that was built on it.
	return false, slices.Contains(steps, trail(c.Old))
}

// refuse says what stands against a step, in the order that the interface gives.
func refuse(c records.HeadChange, item wikiItem) error {
	if !item.living() {
		return absent("advance head of wiki %s", c.WikiID)
	}
	if item.Head != c.Old {
		return &records.HeadMovedError{Current: item.wiki()}
	}
	if err := c.CheckLimits(c.Apply(item.wiki())); err != nil {
		return err
	}
	return fault.New(fault.Unavailable, "advance head of wiki %s: it cannot be told why it was refused", c.WikiID)
}

// idempotencyItem is a used key, in the table idempotency.
type idempotencyItem struct {
	PK          string `dynamodbav:"pk"` // the wiki's id
	SK          string `dynamodbav:"sk"` // digest of the caller's key
	Fingerprint string `dynamodbav:"fingerprint"`
	result
	Until     int64 `dynamodbav:"until"`      // nanoseconds: from then on the key is unused
	ExpiresAt int64 `dynamodbav:"expires_at"` // seconds: some days later it is removed
}

// advanceOnce takes a step and uses its idempotency key up, in one transaction.
// That answers with no record, so it is read first: a step from that head leaves
// the record that can be worked out from it.
func (s *Store) advanceOnce(ctx context.Context, c records.HeadChange, event carried) (records.Wiki, error) {
	item, _, err := get[wikiItem](ctx, s, tables.Wikis, key(c.WikiID))
	if err != nil {
		return records.Wiki{}, err
	}
	if !item.living() {
		return records.Wiki{}, refuse(c, item)
	}
	now := s.now()
	until := now.Add(records.IdempotencyAge)
	t := s.begin()
	wiki := t.update(step(c, event))
	used := t.put(tables.Idempotency, idempotencyItem{
		PK: c.WikiID, SK: digest(c.Idempotency.Key), Fingerprint: c.Idempotency.Fingerprint, result: packResult(c.Idempotency.Result),
		Until: until.UnixNano(), ExpiresAt: until.Add(time.Second).Unix(),
	}, free+" OR #until <= :now", values{":now": now.UnixNano()})
	no, err := t.commit(ctx)
	switch {
	case err != nil:
		return records.Wiki{}, err
	case no == nil:
		return c.Apply(item.wiki()), nil
	}
	if no.failed[wiki] {
		if item, err = decode[wikiItem](no.old[wiki]); err != nil {
			return records.Wiki{}, err
		}
	}
	if item.living() && no.failed[used] {
		return records.Wiki{}, exists("advance head of wiki "+c.WikiID, []string{"idempotency key"})
	}
	return records.Wiki{}, refuse(c, item)
}

// IdempotentResult implements [records.Heads].
func (s *Store) IdempotentResult(ctx context.Context, wikiID, key, fingerprint string) ([]byte, error) {
	const what = "read the result of an idempotent request"
	if !keyable(wikiID) {
		return nil, absent(what)
	}
	item, _, err := get[idempotencyItem](ctx, s, tables.Idempotency, sorted(wikiID, digest(key)))
	switch {
	case err != nil:
		return nil, explain(err, what)
	case item.Until <= s.now().UnixNano(): // expired items linger
		return nil, absent(what)
	case item.Fingerprint != fingerprint:
		return nil, fault.New(fault.Conflict, "%s: the key belongs to another request", what)
	}
	plain, err := item.unpack()
	return plain, explain(err, what)
}

// PublishIndex implements [records.Heads].
func (s *Store) PublishIndex(ctx context.Context, wikiID string, old, new records.Index) error {
	what := "publish index of wiki " + wikiID
	if !keyable(wikiID) {
		return absent("%s", what)
	}
	event, err := s.caused(wikiID, nil, &eventsv1.IndexUpdated{Commit: new.Commit})
	if err != nil {
		return explain(err, "%s", what)
	}
	u := update{
		table: tables.Wikis, key: key(wikiID),
		set: "SET #index_commit = :commit, #index_file = :file, #index_sequence = :sequence" + emit,
		values: values{
			":commit": new.Commit, ":file": new.File, ":sequence": new.Sequence, ":event_id": event.id, ":event": event.line,
			":old_commit": old.Commit, ":old_file": old.File, ":old_sequence": old.Sequence,
		},
	}
	conditions := []string{living}
	for attribute, zero := range map[string]bool{"commit": old.Commit == "", "file": old.File == "", "sequence": old.Sequence == 0} {
		same := fmt.Sprintf("#index_%s = :old_%s", attribute, attribute)
		if zero {
			same = fmt.Sprintf("(attribute_not_exists(#index_%s) OR %s)", attribute, same)
		}
		conditions = append(conditions, same)
	}
	u.condition = strings.Join(conditions, " AND ")
	found, changed, unsure, err := s.apply(ctx, u)
	if err != nil || changed {
		return explain(err, "%s", what)
	}
	item, err := decode[wikiItem](found)
	switch {
	case err != nil:
		return explain(err, "%s", what)
	case !item.living():
		return absent("%s", what)
	case unsure && item.wiki().Index == new:
		return nil // an attempt whose answer was lost published it
	}
	return fault.New(fault.Conflict, "%s: another one has been published", what)
}
