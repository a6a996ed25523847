package dynamo

import (
	"context"
	"crypto/rand"
	"strconv"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

// ticketItem is a ticket, in the table tickets.
type ticketItem struct {
	PK        string             `dynamodbav:"pk"`
	Kind      records.TicketKind `dynamodbav:"kind"`
	Hash      string             `dynamodbav:"hash"`
	Data      []byte             `dynamodbav:"data,omitempty"`
	CreatedAt int64              `dynamodbav:"created_at"`
	Until     int64              `dynamodbav:"until"`      // nanoseconds: when it ends
	ExpiresAt int64              `dynamodbav:"expires_at"` // seconds: some days later it is removed
	SpentAt   int64              `dynamodbav:"spent_at,omitempty"`
	Note      string             `dynamodbav:"note,omitempty"`
	Spender   string             `dynamodbav:"spender,omitempty"` // drawn by the call that spent it, which knows itself by it
}

// ticketKey is of a digest, because a hash may come from whoever asks.
func ticketKey(kind records.TicketKind, hash string) string {
	return "ticket#" + digest(string(kind), hash)
}

func (i ticketItem) ticket() records.Ticket {
	return records.Ticket{
		Kind: i.Kind, Hash: i.Hash, Data: i.Data, CreatedAt: instant(i.CreatedAt), ExpiresAt: instant(i.Until),
		SpentAt: instant(i.SpentAt), Note: i.Note,
	}
}

// PutTicket implements [records.Tickets].
func (s *Store) PutTicket(ctx context.Context, t records.Ticket) error {
	if err := t.Check(); err != nil {
		return err
	}
	return s.putNew(ctx, "put a ticket of kind "+string(t.Kind), "hash", ticketItem{
		PK: ticketKey(t.Kind, t.Hash), Kind: t.Kind, Hash: t.Hash, Data: filled(t.Data), CreatedAt: nanos(s.orNow(t.CreatedAt)),
		Until: nanos(t.ExpiresAt), ExpiresAt: expiry(t.ExpiresAt),
	})
}

// putNew stores an item in the table tickets, unless its key is taken: then field
// is. It is a transaction for the sake of its token: with it, a retry after a lost
// answer is not told that its own item is another's.
func (s *Store) putNew(ctx context.Context, what, field string, item any) error {
	t := s.begin()
	t.put(tables.Tickets, item, free, nil)
	no, err := t.commit(ctx)
	if no != nil {
		return exists(what, []string{field})
	}
	return explain(err, "%s", what)
}

// Ticket implements [records.Tickets].
func (s *Store) Ticket(ctx context.Context, kind records.TicketKind, hash string, now time.Time) (records.Ticket, error) {
	what := "read a ticket of kind " + string(kind)
	item, ok, err := get[ticketItem](ctx, s, tables.Tickets, key(ticketKey(kind, hash)))
	if err != nil {
		return records.Ticket{}, explain(err, "%s", what)
	}
	t := item.ticket()
	if !ok || t.Expired(s.orNow(now)) {
		return records.Ticket{}, absent("%s", what)
	}
	return t, nil
}

// SpendTicket implements [records.Tickets]. It is one conditional update; whether
// an attempt without an answer was the first is told by who has spent the ticket.
func (s *Store) SpendTicket(ctx context.Context, kind records.TicketKind, hash, note string, now time.Time) (records.Ticket, error) {
	what := "spend a ticket of kind " + string(kind)
	now = s.orNow(now)
	spender := rand.Text()
	found, changed, _, err := s.apply(ctx, update{
		tables.Tickets, key(ticketKey(kind, hash)), "SET #spent_at = :now, #note = :note, #spender = :spender",
		"attribute_exists(#pk) AND attribute_not_exists(#spent_at) AND #until > :now",
		values{":now": nanos(now), ":note": note, ":spender": spender},
	})
	if err != nil {
		return records.Ticket{}, explain(err, "%s", what)
	}
	item, err := decode[ticketItem](found)
	if err != nil {
		return records.Ticket{}, explain(err, "%s", what)
	}
	t := item.ticket()
	switch {
	case item.PK == "" || t.Expired(now):
		return records.Ticket{}, absent("%s", what)
	case !changed && item.Spender != spender:
		return t, fault.New(fault.Conflict, "%s: it is spent", what)
	}
	return t, nil
}

// clientItem is a registered client, in the table tickets.
type clientItem struct {
	PK           string   `dynamodbav:"pk"`
	ID           string   `dynamodbav:"id"`
	Name         string   `dynamodbav:"name"`
	URI          string   `dynamodbav:"uri"`
	RedirectURIs []string `dynamodbav:"redirect_uris"`
	CreatedAt    int64    `dynamodbav:"created_at"`
	Until        int64    `dynamodbav:"until"`      // nanoseconds: when it ends
	ExpiresAt    int64    `dynamodbav:"expires_at"` // seconds: some days later it is removed
}

func clientKey(id string) string { return "client#" + digest(id) }

// PutClient implements [records.Clients].
func (s *Store) PutClient(ctx context.Context, c records.Client) error {
	if err := c.Check(); err != nil {
		return err
	}
	return s.putNew(ctx, "put client "+c.ID, "id", clientItem{
		PK: clientKey(c.ID), ID: c.ID, Name: c.Name, URI: c.URI, RedirectURIs: c.RedirectURIs, CreatedAt: nanos(s.orNow(c.CreatedAt)),
		Until: nanos(c.ExpiresAt), ExpiresAt: expiry(c.ExpiresAt),
	})
}

// Client implements [records.Clients].
func (s *Store) Client(ctx context.Context, id string, now time.Time) (records.Client, error) {
	what := "read client " + id
	i, ok, err := get[clientItem](ctx, s, tables.Tickets, key(clientKey(id)))
	if err != nil {
		return records.Client{}, explain(err, "%s", what)
	}
	c := records.Client{
		ID: i.ID, Name: i.Name, URI: i.URI, RedirectURIs: i.RedirectURIs, CreatedAt: instant(i.CreatedAt), ExpiresAt: instant(i.Until),
	}
	if !ok || c.Expired(s.orNow(now)) {
		return records.Client{}, absent("%s", what)
	}
	return c, nil
}

// ExtendClient implements [records.Clients].
func (s *Store) ExtendClient(ctx context.Context, id string, until time.Time) error {
	what := "extend client " + id
	found, changed, _, err := s.apply(ctx, update{
		tables.Tickets, key(clientKey(id)), "SET #until = :until, #expires_at = :expires_at",
		"attribute_exists(#pk) AND #until < :until", values{":until": nanos(until), ":expires_at": expiry(until)},
	})
	if err == nil && !changed && len(found) == 0 {
		err = absent("%s", what)
	}
	return explain(err, "%s", what)
}

// counterItem counts something in one window, in the table tickets.
type counterItem struct {
	Count int64  `dynamodbav:"count"`
	Last  string `dynamodbav:"last"` // drawn by the call that counted last, which knows itself by it
}

// Count implements [records.Counters]. A call whose answer was lost counts twice if
// another has counted before it asks again: too much by one, where a limit is
// coarser than that.
func (s *Store) Count(ctx context.Context, name string, window time.Duration, now time.Time) (int64, error) {
	const what = "count"
	if err := records.CheckCount(name, window); err != nil {
		return 0, err
	}
	from := records.CountFrom(window, s.orNow(now))
	pk := "count#" + digest(name) + "#" + strconv.FormatInt(int64(window), 10) + "#" + strconv.FormatInt(from.UnixNano(), 10)
	found, _, _, err := s.apply(ctx, update{
		tables.Tickets, key(pk), "SET #last = :last, #expires_at = :expires_at ADD #count :one",
		"attribute_not_exists(#last) OR #last <> :last",
		values{":last": rand.Text(), ":expires_at": expiry(from.Add(window)), ":one": 1},
	})
	if err != nil {
		return 0, explain(err, what)
	}
	item, err := decode[counterItem](found)
	return item.Count, explain(err, what)
}
