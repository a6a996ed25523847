package auth

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/provider"
)

const (
	// askEvery is how often a provider is asked at most whether its session lives.
	askEvery = 10 * time.Minute
	// maxSilence is how long a session goes on while the provider does not answer,
	// so that its outage is not ours, nor a way to keep a session that it has ended.
	maxSilence = 24 * time.Hour
)

// refresh gives the app new cookies without a navigation.
func (s *Service) refresh(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	n, err := s.renew(r)
	if fault.Is(err, fault.Unauthenticated) {
		identity.ClearCookies(w, s.hosts)
	}
	if err != nil {
		return err
	}
	expires, err := s.give(w, r, n)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, struct {
		ExpiresAt time.Time `json:"expires_at"`
	}{expires.UTC()})
}

// renew finds the session whose secret the browser has, and goes on with it if it
// lives, here and at the provider. fault.Unauthenticated when it does not,
// fault.Unavailable when the provider has not said for too long.
func (s *Service) renew(r *http.Request) (renewed, error) {
	ctx, now := r.Context(), time.Now()
	// The user before the session: one that is there afterwards was kept by whatever
	// ended all of theirs until then.
	c, err := presentedSecret(r)
	if err != nil {
		return renewed{}, err
	}
	u, err := s.records.User(ctx, c.UserID)
	if fault.Is(err, fault.NotFound) {
		return renewed{}, errNoSession
	}
	if err != nil {
		return renewed{}, err
	}
	session, err := s.sessionOf(ctx, c)
	if err != nil {
		return renewed{}, err
	}
	if !now.Before(session.ExpiresAt) {
		return renewed{}, errNoSession
	}
	b, err := bondOf(c.Secret, session)
	if err != nil {
		return renewed{}, err
	}
	if b.due(now) || b.silentTooLong(now) {
		if b, err = s.ask(ctx, session, c.Secret, b, now); err != nil {
			return renewed{}, err
		}
	} else if err := s.records.TouchSession(ctx, session.UserID, session.ID, now); err != nil {
		s.log.WarnContext(ctx, "note the use of a session", "user", u.ID, "err", err)
	}
	n := renewed{user: u, session: session, at: now, secret: c.String(identity.SessionPrefix), until: session.ExpiresAt}
	if !b.Silent.IsZero() {
		if n.until = b.Silent.Add(maxSilence); b.silentTooLong(now) {
			return renewed{}, fault.New(fault.Unavailable,
				"renew session: the sign-in provider has not answered for a day, so nobody knows whether your session with it lives")
		}
	}
	return n, nil
}

// ask asks the provider whether its session lives, and returns the bond as it is
// afterwards. It notes that it asks before it does: of several requests one asks,
// since a provider may take what it gave for stolen when it comes back twice. The
// others go on as if it had answered; when the answer is no, what they were given
// dies with the session.
func (s *Service) ask(ctx context.Context, session records.Session, secret string, b bond, now time.Time) (bond, error) {
	over := fault.New(fault.Unauthenticated, "renew session: it is over at the sign-in provider: sign in again")
	b.Asked = now
	err := s.keep(ctx, &session, secret, b, now)
	if fault.Is(err, fault.Conflict) {
		return b, nil
	}
	if fault.Is(err, fault.NotFound) {
		return b, over
	}
	if err != nil {
		return b, err
	}
	held, err := s.proof.Renew(ctx, b.Held)
	switch {
	case err == nil:
		b.Held, b.Silent = held, time.Time{}
	case errors.Is(err, provider.ErrCannotAsk) && now.Sub(session.CreatedAt) < maxSilence:
		b.Silent = session.CreatedAt // good for a day, like the tokens that it began with
	case fault.Is(err, fault.Unauthenticated):
		live, err := s.renewedMeanwhile(ctx, session)
		if err != nil || live {
			return b, err
		}
		if err := s.end(ctx, session.UserID, session.ID, now); err != nil {
			return b, err
		}
		return b, over
	default:
		s.log.WarnContext(ctx, "renew session at the provider", "user", session.UserID, "err", err)
		if b.Silent.IsZero() {
			b.Silent = now
		}
	}
	err = s.keep(ctx, &session, secret, b, now)
	if fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Internal) {
		err = s.keep(ctx, &session, secret, b, now) // what the provider gave, it gives once
	}
	if fault.Is(err, fault.Conflict) {
		return b, nil
	}
	if fault.Is(err, fault.NotFound) {
		return b, over // signed out in the meantime
	}
	return b, err
}

// keep replaces what is sealed, if nobody else has.
func (s *Service) keep(ctx context.Context, session *records.Session, secret string, b bond, now time.Time) error {
	sealed, err := b.seal(secret, *session)
	if err != nil {
		return err
	}
	if err := s.records.RenewSession(ctx, *session, sealed, now); err != nil {
		return err
	}
	session.Sealed = sealed
	return nil
}

// renewedMeanwhile reports whether somebody else has renewed the session, which
// can make what we asked with worthless.
func (s *Service) renewedMeanwhile(ctx context.Context, session records.Session) (bool, error) {
	now, err := s.records.Session(ctx, session.UserID, session.ID)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && !bytes.Equal(now.Sealed, session.Sealed), err
}
