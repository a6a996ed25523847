package records

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"wikibot.io/pkg/fault"
)

// Linger is how long a driver keeps, at the least, what has expired by its own
// clock: the clocks of callers differ, and they decide.
const Linger = time.Hour

// missing lists the fields that have no value. Names and values alternate.
func missing(pairs ...string) (wrong []fault.Field) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			wrong = append(wrong, fault.Field{Name: pairs[i], Msg: "is missing"})
		}
	}
	return wrong
}

// never is what missing takes for a time.
func never(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return "set"
}

// CheckIdentities returns the identities that a new user has, each once, or
// Invalid when there is none or more than MaxIdentities.
func CheckIdentities(ids []Identity) ([]Identity, error) {
	var out []Identity
	for _, id := range ids {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	if len(out) == 0 {
		return nil, fault.Invalidf("identity", "create user: without an identity nobody could sign in")
	}
	if len(out) > MaxIdentities {
		return nil, fault.Invalidf("identity", "create user: %d identities would be more than %d", len(out), MaxIdentities)
	}
	return out, nil
}

// SortIdentities puts identities into the order in which they are listed.
func SortIdentities(ids []Identity) {
	slices.SortFunc(ids, func(a, b Identity) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Subject, b.Subject))
	})
}

// Apply returns the record as the change leaves it.
func (c UserChange) Apply(u User) User {
	if c.DisplayName != nil {
		u.DisplayName = *c.DisplayName
	}
	return u
}

// EndSession returns the record after the end of one session: see
// [Sessions].EndSession.
func (u User) EndSession(id string, now, until time.Time) User {
	ended := u.stillEnded(now)
	if until.After(now) {
		ended[id] = until.UTC()
	}
	if len(ended) > MaxEnded {
		clear(ended)
		u = u.signOut(now)
	}
	u.Ended = nil
	if len(ended) > 0 {
		u.Ended = ended
	}
	return u
}

// EndSessions returns the record after the end of all sessions: see
// [Sessions].EndSessions. What is listed stays listed: it may have been signed by
// a host whose clock is ahead of this one's.
func (u User) EndSessions(now time.Time) User {
	ended := u.stillEnded(now)
	u = u.signOut(now)
	u.Ended = nil
	if len(ended) > 0 {
		u.Ended = ended
	}
	return u
}

func (u User) stillEnded(now time.Time) map[string]time.Time {
	ended := maps.Clone(u.Ended)
	if ended == nil {
		ended = map[string]time.Time{}
	}
	maps.DeleteFunc(ended, func(_ string, until time.Time) bool { return !until.After(now) })
	return ended
}

// signOut never moves the time back: what was void would be good again.
func (u User) signOut(now time.Time) User {
	if now.After(u.SignedOut) {
		u.SignedOut = now.UTC()
	}
	return u
}

// Check returns Invalid for a session that cannot be kept.
func (s Session) Check() error {
	wrong := missing("id", s.ID, "user_id", s.UserID, "secret_hash", s.SecretHash, "expires_at", never(s.ExpiresAt))
	if s.Kind != Browser && s.Kind != CommandLine {
		wrong = append(wrong, fault.Field{Name: "kind", Msg: "is none of browser, cli"})
	}
	return fault.InvalidFields("create session", wrong)
}

// Check returns Invalid for a connection that cannot be kept.
func (c Connection) Check() error {
	wrong := missing("id", c.ID, "user_id", c.UserID, "wiki_id", c.WikiID, "client_id", c.ClientID,
		"resource", c.Resource, "refresh_hash", c.RefreshHash, "expires_at", never(c.ExpiresAt))
	if c.Role != Editor && c.Role != Viewer {
		wrong = append(wrong, fault.Field{Name: "role", Msg: "is none of editor, viewer"})
	}
	return fault.InvalidFields("create connection", wrong)
}

// Rotate returns the record with the next secret's hash: see
// [Connections].RotateConnection.
func (c Connection) Rotate(next string, at, expires time.Time) Connection {
	c.FormerHash, c.RefreshHash = c.RefreshHash, next
	c.RotatedAt, c.ExpiresAt = at.UTC(), expires.UTC()
	return c
}

// SortSessions puts the newest first.
func SortSessions(list []Session) {
	slices.SortFunc(list, func(a, b Session) int { return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID)) })
}

// SortConnections puts the newest first.
func SortConnections(list []Connection) {
	slices.SortFunc(list, func(a, b Connection) int { return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID)) })
}

// SurplusSessions returns the ids of the sessions that make way for the new one of
// an id: see [Sessions].CreateSession.
func SurplusSessions(list []Session, id string) []string {
	return surplus(list, MaxSessions, id, func(s Session) (string, time.Time) { return s.ID, s.LastUsed })
}

// SurplusConnections returns the ids of the connections that make way for the new
// one of an id: see [Connections].CreateConnection.
func SurplusConnections(list []Connection, id string) []string {
	return surplus(list, MaxConnections, id, func(c Connection) (string, time.Time) {
		return c.ID, Later(c.CreatedAt, Later(c.LastUsed, c.RotatedAt))
	})
}

// surplus returns the ids of those used longest ago, so many that one more makes
// the most there may be. The one of the id added does not count, wherever it is.
func surplus[T any](list []T, most int, added string, of func(T) (id string, used time.Time)) []string {
	type use struct {
		id string
		at time.Time
	}
	var uses []use
	for _, item := range list {
		if id, at := of(item); id != added {
			uses = append(uses, use{id, at})
		}
	}
	slices.SortFunc(uses, func(a, b use) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	var ids []string
	for _, u := range uses[:max(0, len(uses)+1-most)] {
		ids = append(ids, u.id)
	}
	return ids
}

// TouchDue reports whether the use of a session or connection has to be written
// down, if last is the last one that was.
func TouchDue(last, at time.Time) bool { return last.IsZero() || at.Sub(last) >= touchEvery }

// Later returns the later of two times, in UTC.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b.UTC()
	}
	return a.UTC()
}

// Check returns Invalid for a ticket that cannot be kept.
func (t Ticket) Check() error {
	wrong := missing("kind", string(t.Kind), "hash", t.Hash, "expires_at", never(t.ExpiresAt))
	if len(t.Data) > MaxTicket {
		wrong = append(wrong, fault.Field{Name: "data", Msg: "is too long"})
	}
	return fault.InvalidFields("put ticket", wrong)
}

// Expired reports whether the ticket is good no more at now.
func (t Ticket) Expired(now time.Time) bool { return !t.ExpiresAt.After(now) }

// Check returns Invalid for a client that cannot be kept.
func (c Client) Check() error {
	wrong := missing("id", c.ID, "expires_at", never(c.ExpiresAt))
	if len(c.RedirectURIs) == 0 || slices.Contains(c.RedirectURIs, "") {
		wrong = append(wrong, fault.Field{Name: "redirect_uris", Msg: "is missing"})
	}
	return fault.InvalidFields("put client", wrong)
}

// Expired reports whether the client is known no more at now.
func (c Client) Expired(now time.Time) bool { return !c.ExpiresAt.After(now) }

// CheckCount returns Invalid for what cannot be counted.
func CheckCount(key string, window time.Duration) error {
	wrong := missing("key", key)
	if window < time.Second {
		wrong = append(wrong, fault.Field{Name: "window", Msg: "is below a second"})
	}
	return fault.InvalidFields("count", wrong)
}

// CountFrom returns when the window that now lies in began.
func CountFrom(window time.Duration, now time.Time) time.Time {
	n := now.UnixNano()
	return time.Unix(0, n-n%int64(window)).UTC()
}
