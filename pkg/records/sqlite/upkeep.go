package sqlite

import (
	"context"
	"encoding/json"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// lease is who works on a wiki's packs, and until when.
type lease struct {
	holder string
	until  int64
}

func scanLease(row scanner) (l lease, err error) {
	err = row.Scan(&l.holder, &l.until)
	return l, err
}

// leased reads a wiki and its lease.
func (t *tx) leased(id string) (records.Wiki, lease, error) {
	w, err := t.wiki(id)
	if err != nil {
		return records.Wiki{}, lease{}, err
	}
	l, err := get(t, scanLease, `SELECT upkeep_holder, upkeep_until FROM wikis WHERE id = ?`, id)
	return w, l, err
}

// LeaseUpkeep implements [records.Upkeep].
func (s *Store) LeaseUpkeep(ctx context.Context, wikiID, holder string, now, until time.Time) (records.Wiki, error) {
	if err := records.CheckLease(wikiID, holder, now, until); err != nil {
		return records.Wiki{}, err
	}
	var w records.Wiki
	err := s.writer.do(ctx, func(t *tx) (err error) {
		var l lease
		if w, l, err = t.leased(wikiID); err != nil {
			return err
		}
		if l.holder != "" && l.holder != holder && l.until > nanos(now) {
			return fault.New(fault.Conflict, "lease the upkeep of wiki %s: somebody else has it", wikiID)
		}
		return t.exec(`UPDATE wikis SET upkeep_holder = ?, upkeep_until = ? WHERE id = ?`, holder, nanos(until), wikiID)
	})
	if err != nil {
		return records.Wiki{}, explain(err, "lease the upkeep of wiki %s", wikiID)
	}
	return w, nil
}

// ReplaceBases implements [records.Upkeep].
func (s *Store) ReplaceBases(ctx context.Context, c records.BaseChange) (records.Wiki, error) {
	if err := c.Check(); err != nil {
		return records.Wiki{}, err
	}
	packs, err := packList(c.Packs)
	if err != nil {
		return records.Wiki{}, explain(err, "replace bases of wiki %s", c.WikiID)
	}
	var w records.Wiki
	err = s.writer.do(ctx, func(t *tx) error {
		before, l, err := t.leased(c.WikiID)
		if err != nil {
			return err
		}
		if c.Holder == "" || l.holder != c.Holder {
			return fault.New(fault.Conflict, "replace bases of wiki %s: the lease is somebody else's", c.WikiID)
		}
		if err := c.CheckSteps(before); err != nil {
			return err
		}
		w = c.Apply(before)
		return t.exec(`UPDATE wikis SET base_packs = ?, base_sequence = ? WHERE id = ?`, packs, w.BaseSequence, c.WikiID)
	})
	if err != nil {
		return records.Wiki{}, explain(err, "replace bases of wiki %s", c.WikiID)
	}
	return w, nil
}

// EndUpkeep implements [records.Upkeep].
func (s *Store) EndUpkeep(ctx context.Context, wikiID, holder string) error {
	err := s.writer.do(ctx, func(t *tx) error {
		return t.exec(`UPDATE wikis SET upkeep_holder = '', upkeep_until = 0 WHERE id = ? AND upkeep_holder = ?`, wikiID, holder)
	})
	return explain(err, "end the upkeep of wiki %s", wikiID)
}

// packList is how names of packs are stored.
func packList(names []string) (string, error) {
	list, err := json.Marshal(append([]string{}, names...))
	return string(list), err
}
