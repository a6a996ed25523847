package sqlite

import (
	"context"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

func scanActivity(row scanner) (a records.Activity, err error) {
	var at int64
	err = row.Scan(&a.WikiID, &a.Sequence, &at, &a.Name, &a.Agent, &a.Page, &a.Kind)
	a.At = instant(at)
	return a, err
}

// PutActivity implements [records.Activities].
func (s *Store) PutActivity(ctx context.Context, a records.Activity) error {
	err := s.writer.do(ctx, func(t *tx) error {
		return t.exec(`INSERT INTO activities (wiki_id, sequence, at, name, agent, page, kind)
			SELECT ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM wikis WHERE id = ?)
			ON CONFLICT (wiki_id) DO UPDATE SET sequence = excluded.sequence, at = excluded.at, name = excluded.name,
				agent = excluded.agent, page = excluded.page, kind = excluded.kind
			WHERE excluded.sequence > sequence`,
			a.WikiID, a.Sequence, nanos(a.At), a.Name, a.Agent, a.Page, a.Kind, a.WikiID)
	})
	return explain(err, "store the last activity of wiki %s", a.WikiID)
}

// Activity implements [records.Activities].
func (s *Store) Activity(ctx context.Context, wikiID string) (records.Activity, error) {
	a, err := cached(ctx, s, key{activityByWiki, wikiID, ""}, func() (records.Activity, error) {
		return one(ctx, s, scanActivity, `SELECT wiki_id, sequence, at, name, agent, page, kind FROM activities WHERE wiki_id = ?`, wikiID)
	})
	return a, explain(err, "read the last activity of wiki %s", wikiID)
}

// ForgetWiki implements [records.Activities].
func (s *Store) ForgetWiki(ctx context.Context, wikiID string) error {
	err := s.writer.do(ctx, func(t *tx) error {
		if _, err := t.wiki(wikiID); err == nil {
			return fault.New(fault.Conflict, "forget wiki %s: it has not been deleted", wikiID)
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
		for _, query := range []string{
			`DELETE FROM grants WHERE wiki_id = ?`,
			`DELETE FROM tokens WHERE wiki_id = ?`,
			`DELETE FROM activities WHERE wiki_id = ?`,
			`DELETE FROM idempotency WHERE wiki_id = ?`,
		} {
			if err := t.exec(query, wikiID); err != nil {
				return err
			}
		}
		return nil
	})
	return explain(err, "forget wiki %s", wikiID)
}
