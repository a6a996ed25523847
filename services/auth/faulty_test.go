package auth_test

import (
	"context"
	"time"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
)

// faulty is a store that can be away. Step, if there is one, is called before and
// after each use; an error of the first is the answer and nothing has happened,
// one of the second is an answer that was lost on its way.
type faulty struct {
	*sqlite.Store
	step func(what string, after bool) error
}

func (f *faulty) at(what string, after bool) error {
	if f.step == nil {
		return nil
	}
	return f.step(what, after)
}

func use[T any](f *faulty, what string, do func() (T, error)) (T, error) {
	var none T
	if err := f.at(what, false); err != nil {
		return none, err
	}
	v, err := do()
	if lost := f.at(what, true); lost != nil {
		return none, lost
	}
	return v, err
}

func (f *faulty) change(what string, do func() error) error {
	_, err := use(f, what, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

func (f *faulty) User(ctx context.Context, id string) (records.User, error) {
	return use(f, "User", func() (records.User, error) { return f.Store.User(ctx, id) })
}

func (f *faulty) UserByIdentity(ctx context.Context, id records.Identity) (records.User, error) {
	return use(f, "UserByIdentity", func() (records.User, error) { return f.Store.UserByIdentity(ctx, id) })
}

func (f *faulty) UserByEmail(ctx context.Context, email string) (records.User, error) {
	return use(f, "UserByEmail", func() (records.User, error) { return f.Store.UserByEmail(ctx, email) })
}

func (f *faulty) DepartedUser(ctx context.Context, id records.Identity) (records.User, error) {
	return use(f, "DepartedUser", func() (records.User, error) { return f.Store.DepartedUser(ctx, id) })
}

func (f *faulty) IdentitiesOfUser(ctx context.Context, id string) ([]records.Identity, error) {
	return use(f, "IdentitiesOfUser", func() ([]records.Identity, error) { return f.Store.IdentitiesOfUser(ctx, id) })
}

func (f *faulty) NameTaken(ctx context.Context, name string) (r records.Reservation, taken bool, err error) {
	r, err = use(f, "NameTaken", func() (records.Reservation, error) {
		r, taken, err = f.Store.NameTaken(ctx, name)
		return r, err
	})
	return r, taken, err
}

func (f *faulty) AddIdentity(ctx context.Context, userID string, id records.Identity) error {
	return f.change("AddIdentity", func() error { return f.Store.AddIdentity(ctx, userID, id) })
}

func (f *faulty) CreateUser(ctx context.Context, u records.User, ids ...records.Identity) error {
	return f.change("CreateUser", func() error { return f.Store.CreateUser(ctx, u, ids...) })
}

func (f *faulty) DeleteUser(ctx context.Context, id string, at time.Time) error {
	return f.change("DeleteUser", func() error { return f.Store.DeleteUser(ctx, id, at) })
}

func (f *faulty) RestoreUser(ctx context.Context, id string) error {
	return f.change("RestoreUser", func() error { return f.Store.RestoreUser(ctx, id) })
}

func (f *faulty) Session(ctx context.Context, userID, id string) (records.Session, error) {
	return use(f, "Session", func() (records.Session, error) { return f.Store.Session(ctx, userID, id) })
}

func (f *faulty) CreateSession(ctx context.Context, s records.Session) error {
	return f.change("CreateSession", func() error { return f.Store.CreateSession(ctx, s) })
}

func (f *faulty) RenewSession(ctx context.Context, s records.Session, sealed []byte, at time.Time) error {
	return f.change("RenewSession", func() error { return f.Store.RenewSession(ctx, s, sealed, at) })
}

func (f *faulty) TouchSession(ctx context.Context, userID, id string, at time.Time) error {
	return f.change("TouchSession", func() error { return f.Store.TouchSession(ctx, userID, id, at) })
}

func (f *faulty) EndSession(ctx context.Context, userID, id string, now, until time.Time) error {
	return f.change("EndSession", func() error { return f.Store.EndSession(ctx, userID, id, now, until) })
}

func (f *faulty) EndSessions(ctx context.Context, userID, keep string, now time.Time) error {
	return f.change("EndSessions", func() error { return f.Store.EndSessions(ctx, userID, keep, now) })
}

func (f *faulty) PutTicket(ctx context.Context, t records.Ticket) error {
	return f.change("PutTicket", func() error { return f.Store.PutTicket(ctx, t) })
}

func (f *faulty) Ticket(ctx context.Context, kind records.TicketKind, hash string, now time.Time) (records.Ticket, error) {
	return use(f, "Ticket", func() (records.Ticket, error) { return f.Store.Ticket(ctx, kind, hash, now) })
}

func (f *faulty) SpendTicket(ctx context.Context, kind records.TicketKind, hash, note string, now time.Time) (records.Ticket, error) {
	return use(f, "SpendTicket", func() (records.Ticket, error) { return f.Store.SpendTicket(ctx, kind, hash, note, now) })
}

func (f *faulty) Count(ctx context.Context, key string, window time.Duration, now time.Time) (int64, error) {
	return use(f, "Count", func() (int64, error) { return f.Store.Count(ctx, key, window, now) })
}
