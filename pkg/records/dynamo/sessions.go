package dynamo

import (
	"bytes"
	"context"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

// sessionItem is a session, in the table sessions.
type sessionItem struct {
	PK         string              `dynamodbav:"pk"`
	SK         string              `dynamodbav:"sk"`
	ID         string              `dynamodbav:"id"`
	UserID     string              `dynamodbav:"user_id"`
	Kind       records.SessionKind `dynamodbav:"kind"`
	Name       string              `dynamodbav:"name"`
	SecretHash string              `dynamodbav:"secret_hash"`
	CreatedAt  int64               `dynamodbav:"created_at"`
	LastUsed   int64               `dynamodbav:"last_used"`
	Until      int64               `dynamodbav:"until"` // nanoseconds: when it ends
	Provider   string              `dynamodbav:"provider"`
	Sealed     []byte              `dynamodbav:"sealed,omitempty"`
	ExpiresAt  int64               `dynamodbav:"expires_at"` // seconds: some days later it is removed
}

// What belongs to a user in the table sessions lies in one partition.
const (
	sessionPrefix    = "session#"
	connectionPrefix = "connection#"
)

func sessionKey(userID, id string) attributes { return sorted(userKey(userID), sessionPrefix+id) }

// expiry is the second from which the database may remove what ends at a time.
func expiry(at time.Time) int64 { return at.Add(records.Linger).Unix() + 1 }

func newSessionItem(n records.Session) sessionItem {
	return sessionItem{
		PK: userKey(n.UserID), SK: sessionPrefix + n.ID, ID: n.ID, UserID: n.UserID, Kind: n.Kind, Name: n.Name, SecretHash: n.SecretHash,
		CreatedAt: nanos(n.CreatedAt), LastUsed: nanos(n.LastUsed), Until: nanos(n.ExpiresAt), Provider: n.Provider, Sealed: filled(n.Sealed),
		ExpiresAt: expiry(n.ExpiresAt),
	}
}

func (i sessionItem) session() records.Session {
	return records.Session{
		ID: i.ID, UserID: i.UserID, Kind: i.Kind, Name: i.Name, SecretHash: i.SecretHash, CreatedAt: instant(i.CreatedAt),
		LastUsed: instant(i.LastUsed), ExpiresAt: instant(i.Until), Provider: i.Provider, Sealed: i.Sealed,
	}
}

// CreateSession implements [records.Sessions].
func (s *Store) CreateSession(ctx context.Context, n records.Session) error {
	what := "create a session of user " + n.UserID
	n.CreatedAt = s.orNow(n.CreatedAt)
	if n.LastUsed.IsZero() {
		n.LastUsed = n.CreatedAt
	}
	if err := n.Check(); err != nil {
		return err
	}
	if err := needKeys(what, "id", n.ID); err != nil {
		return err
	}
	return s.putOfUser(ctx, what, n.UserID, newSessionItem(n), func() (gone []attributes, err error) {
		all, err := s.SessionsOfUser(ctx, n.UserID)
		for _, id := range records.SurplusSessions(all, n.ID) {
			gone = append(gone, sessionKey(n.UserID, id))
		}
		return gone, err
	})
}

// mostGone is how many make way for another at once: they share its transaction.
const mostGone = 90

// putOfUser stores something new of a user who is not leaving, in the table
// sessions, instead of what is surplus.
func (s *Store) putOfUser(ctx context.Context, what, userID string, item any, surplus func() ([]attributes, error)) error {
	if !keyable(userID) {
		return absent("%s", what)
	}
	for range rounds {
		gone, err := surplus()
		if err != nil {
			return explain(err, "%s", what)
		}
		t := s.begin()
		user := t.check(tables.Users, key(userKey(userID)), staying, nil)
		put := t.put(tables.Sessions, item, free, nil)
		for _, k := range gone[:min(mostGone, len(gone))] {
			t.delete(tables.Sessions, k, "attribute_exists(#pk)", nil)
		}
		no, err := t.commit(ctx)
		switch {
		case no == nil:
			return explain(err, "%s", what)
		case no.failed[user]:
			return absent("%s", what)
		case no.failed[put]:
			return exists(what, []string{"id"})
		}
		// What was surplus has made way for another since it was read.
	}
	return tired(what)
}

// Session implements [records.Sessions].
func (s *Store) Session(ctx context.Context, userID, id string) (records.Session, error) {
	item, err := ofUser[sessionItem](ctx, s, userID, sessionPrefix, id)
	return item.session(), explain(err, "read session %s of user %s", id, userID)
}

// ofUser reads something of a user from the table sessions.
func ofUser[T any](ctx context.Context, s *Store, userID, prefix, id string) (item T, err error) {
	ok := false
	if keyable(userID, id) {
		item, ok, err = get[T](ctx, s, tables.Sessions, sorted(userKey(userID), prefix+id))
	}
	if err == nil && !ok {
		err = absent("read %s%s of user %s", prefix, id, userID)
	}
	return item, err
}

// SessionsOfUser implements [records.Sessions].
func (s *Store) SessionsOfUser(ctx context.Context, userID string) ([]records.Session, error) {
	if !keyable(userID) {
		return nil, nil
	}
	items, err := query[sessionItem](ctx, s, tables.Sessions, userKey(userID), sessionPrefix)
	var out []records.Session
	for _, i := range items {
		out = append(out, i.session())
	}
	records.SortSessions(out)
	return out, explain(err, "list the sessions of user %s", userID)
}

// RenewSession implements [records.Sessions]. Whoever repeats a renewal whose
// answer was lost finds what it has sealed itself.
func (s *Store) RenewSession(ctx context.Context, n records.Session, sealed []byte, at time.Time) error {
	what := "renew session " + n.ID + " of user " + n.UserID
	if !keyable(n.UserID, n.ID) {
		return absent("%s", what)
	}
	lost := false
	for _, later := range []bool{true, false} { // first as one whose use is the last, then as one whose is not
		found, changed, unsure, err := s.apply(ctx, renewal(n, sealed, at, later))
		if err != nil || changed {
			return explain(err, "%s", what)
		}
		lost = lost || unsure
		item, err := decode[sessionItem](found)
		switch {
		case err != nil:
			return explain(err, "%s", what)
		case item.PK == "":
			return absent("%s", what)
		case lost && bytes.Equal(item.Sealed, sealed):
			return nil
		case !bytes.Equal(item.Sealed, n.Sealed):
			return fault.New(fault.Conflict, "%s: another has renewed it", what)
		}
	}
	return fault.New(fault.Unavailable, "%s: others keep changing it", what)
}

// renewal is the update that replaces what is sealed in a session; later notes the
// use as well, if there has not been a later one.
func renewal(n records.Session, sealed []byte, at time.Time, later bool) update {
	u := update{table: tables.Sessions, key: sessionKey(n.UserID, n.ID), condition: "attribute_exists(#pk)", values: values{}}
	u.still("sealed", n.Sealed, len(n.Sealed) == 0)
	u.become("sealed", sealed, len(sealed) == 0)
	if later {
		u.condition += " AND #last_used <= :last_used"
		u.become("last_used", nanos(at), false)
	}
	return u
}

// TouchSession implements [records.Sessions].
func (s *Store) TouchSession(ctx context.Context, userID, id string, at time.Time) error {
	return s.touch(ctx, userID, sessionPrefix+id, at)
}

// touch notes the use of a session or a connection. It reads first, since most
// uses need no noting, and a write that is refused costs as much as one that is
// not.
func (s *Store) touch(ctx context.Context, userID, sk string, at time.Time) error {
	what := "note a use of " + sk
	if !keyable(userID, sk) {
		return nil
	}
	k := sorted(userKey(userID), sk)
	type used struct {
		LastUsed int64 `dynamodbav:"last_used"`
	}
	item, ok, err := get[used](ctx, s, tables.Sessions, k)
	if err != nil || !ok || !records.TouchDue(instant(item.LastUsed), at) {
		return explain(err, "%s", what)
	}
	_, _, _, err = s.apply(ctx, update{
		tables.Sessions, k, "SET #last_used = :at",
		"attribute_exists(#pk) AND (attribute_not_exists(#last_used) OR #last_used < :at)", values{":at": nanos(at)},
	})
	return explain(err, "%s", what)
}

// EndSession implements [records.Sessions].
func (s *Store) EndSession(ctx context.Context, userID, id string, now, until time.Time) error {
	what := "end session " + id + " of user " + userID
	if !keyable(userID, id) {
		return absent("%s", what)
	}
	for range rounds {
		u, err := s.anyUser(ctx, userID)
		if err != nil {
			return err
		}
		if u.forgotten() {
			return absent("%s", what)
		}
		t := s.begin()
		session := t.delete(tables.Sessions, sessionKey(userID, id), "attribute_exists(#pk)", nil)
		t.update(signOut(u, u.user().EndSession(id, now, until)))
		no, err := t.commit(ctx)
		switch {
		case no == nil:
			return explain(err, "%s", what)
		case no.failed[session]:
			return absent("%s", what)
		}
		// Another of the user's sessions has been ended since the user was read.
	}
	return tired(what)
}

// signOut is the update that brings what a user's item says about ended sessions
// from what it was read as to what it shall be.
func signOut(was userItem, now records.User) update {
	u := update{table: tables.Users, key: key(was.PK), condition: "attribute_exists(#username)", values: values{}}
	u.still("ended", was.Ended, len(was.Ended) == 0)
	u.still("signed_out", was.SignedOut, was.SignedOut == 0)
	ended := map[string]int64{}
	for id, until := range now.Ended {
		ended[id] = nanos(until)
	}
	u.become("ended", ended, len(ended) == 0)
	u.become("signed_out", nanos(now.SignedOut), now.SignedOut.IsZero())
	return u
}

// EndSessions implements [records.Sessions]. First what was signed for them
// becomes void, then they go, in batches. Whoever repeats it after a failure ends
// what is left.
func (s *Store) EndSessions(ctx context.Context, userID, keep string, now time.Time) error {
	what := "end the sessions of user " + userID
	if err := s.signOutAll(ctx, what, userID, now); err != nil {
		return err
	}
	err := s.pages(ctx, tables.Sessions, userKey(userID), sessionPrefix, func(page []attributes) error {
		var gone []attributes
		for _, a := range page {
			item, err := decode[sessionItem](a)
			if err != nil {
				return err
			}
			if item.ID != keep {
				gone = append(gone, sessionKey(userID, item.ID))
			}
		}
		return s.deleteAll(ctx, tables.Sessions, gone)
	})
	return explain(err, "%s", what)
}

func (s *Store) signOutAll(ctx context.Context, what, userID string, now time.Time) error {
	for range rounds {
		u, err := s.anyUser(ctx, userID)
		if err != nil {
			return err
		}
		if u.forgotten() {
			return absent("%s", what)
		}
		_, changed, _, err := s.apply(ctx, signOut(u, u.user().EndSessions(now)))
		if err != nil || changed {
			return explain(err, "%s", what)
		}
		// One of the user's sessions has been ended since the user was read, or an
		// attempt of this took effect without an answer: then the next changes nothing.
	}
	return tired(what)
}

// forgetSessions removes all sessions and connections of a user, however many.
func (s *Store) forgetSessions(ctx context.Context, userID string) error {
	return forget(ctx, s, tables.Sessions, userKey(userID), func(struct{}) []attributes { return nil })
}
