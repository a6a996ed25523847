package sqlite

import (
	"context"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

const selectTicket = `SELECT kind, hash, data, created_at, expires_at, spent_at, note FROM tickets WHERE kind = ? AND hash = ? AND expires_at > ?`

func scanTicket(row scanner) (k records.Ticket, err error) {
	var created, expires, spent int64
	err = row.Scan(&k.Kind, &k.Hash, &k.Data, &created, &expires, &spent, &k.Note)
	k.CreatedAt, k.ExpiresAt, k.SpentAt = instant(created), instant(expires), instant(spent)
	k.Data = filled(k.Data)
	return k, err
}

// PutTicket implements [records.Tickets].
func (s *Store) PutTicket(ctx context.Context, k records.Ticket) error {
	if err := k.Check(); err != nil {
		return err
	}
	k.CreatedAt = s.orNow(k.CreatedAt)
	err := s.writer.do(ctx, func(t *tx) error {
		if err := t.sweep(sweepTickets, s.now()); err != nil {
			return err
		}
		n, err := t.affect(`INSERT INTO tickets (kind, hash, data, created_at, expires_at, spent_at, note)
			VALUES (?, ?, ?, ?, ?, 0, '') ON CONFLICT DO NOTHING`, k.Kind, k.Hash, blob(k.Data), nanos(k.CreatedAt), nanos(k.ExpiresAt))
		if err == nil && n == 0 {
			return exists("put a ticket of kind "+string(k.Kind), fault.Field{Name: "hash", Msg: "is taken"})
		}
		return err
	})
	return explain(err, "put a ticket of kind %s", k.Kind)
}

// Ticket implements [records.Tickets]. It is no use to cache what is read twice.
func (s *Store) Ticket(ctx context.Context, kind records.TicketKind, hash string, now time.Time) (records.Ticket, error) {
	k, err := one(ctx, s, scanTicket, selectTicket, kind, hash, nanos(s.orNow(now)))
	return k, explain(err, "read a ticket of kind %s", kind)
}

// SpendTicket implements [records.Tickets].
func (s *Store) SpendTicket(ctx context.Context, kind records.TicketKind, hash, note string, now time.Time) (records.Ticket, error) {
	now = s.orNow(now).UTC()
	var k records.Ticket
	err := s.writer.do(ctx, func(t *tx) (err error) {
		if k, err = get(t, scanTicket, selectTicket, kind, hash, nanos(now)); err != nil {
			return absent(err, "no such ticket of kind %s", kind)
		}
		if !k.SpentAt.IsZero() {
			return fault.New(fault.Conflict, "spend a ticket of kind %s: it has been spent", kind)
		}
		k.SpentAt, k.Note = now, note
		return t.exec(`UPDATE tickets SET spent_at = ?, note = ? WHERE kind = ? AND hash = ?`, nanos(now), note, kind, hash)
	})
	if err != nil && !fault.Is(err, fault.Conflict) {
		k = records.Ticket{}
	}
	return k, explain(err, "spend a ticket of kind %s", kind)
}
