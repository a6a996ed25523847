package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/provider"
)

// sessionLife is how long a sign-in lasts at most, renewed however often.
const sessionLife = 30 * 24 * time.Hour

// bond is what ties a session to the provider's own. It is sealed with the
// session's secret.
type bond struct {
	Held   []byte    // what the provider takes to renew and to end its session
	Asked  time.Time // when it was asked last
	Silent time.Time // since when it has not answered, or cannot be asked; zero: it has
}

// due reports whether the provider is to be asked again. What was asked far in the
// future was asked by a clock that has been set back.
func (b bond) due(now time.Time) bool {
	since := now.Sub(b.Asked)
	return since >= askEvery || since <= -askEvery
}

func (b bond) silentTooLong(now time.Time) bool {
	return !b.Silent.IsZero() && now.Sub(b.Silent) >= maxSilence
}

func about(s records.Session) string { return "session " + s.UserID + " " + s.ID }

func (b bond) seal(secret string, s records.Session) ([]byte, error) {
	plain, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	return seal(secret, about(s), plain)
}

func bondOf(secret string, s records.Session) (b bond, err error) {
	plain, err := unseal(secret, about(s), s.Sealed)
	if err != nil {
		return bond{}, err
	}
	return b, json.Unmarshal(plain, &b)
}

// signIn begins a session and leads on. It is a new one each time, whatever the
// browser came with, and what it came with ends: a session that somebody planted
// there must not become this person's (session fixation, CWE-384), nor stay open
// behind their back.
func (s *Service) signIn(w http.ResponseWriter, r *http.Request, u records.User, p provider.Person, back string) error {
	n, err := s.beginSession(r, u, p)
	if fault.Is(err, fault.NotFound) { // they have left, this very moment: the sign-in knows what then
		http.Redirect(w, r, again(back), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := s.give(w, r, n); err != nil {
		return err
	}
	http.Redirect(w, r, returnTo(s.hosts, back), http.StatusSeeOther)
	return nil
}

// beginSession ends the browser's former session and makes the next. NotFound
// when there is no such user any more.
func (s *Service) beginSession(r *http.Request, u records.User, p provider.Person) (renewed, error) {
	ctx, now := r.Context(), time.Now()
	u, err := s.endFormer(r, u, now)
	if err != nil {
		return renewed{}, err
	}
	c := identity.NewCredential(u.ID, events.NewID(now))
	session := records.Session{
		ID: c.ID, UserID: u.ID, Kind: records.Browser, Name: deviceName(r.UserAgent()), SecretHash: c.Hash(),
		CreatedAt: now, LastUsed: now, ExpiresAt: now.Add(sessionLife), Provider: p.Identities[0].Provider,
	}
	if session.Sealed, err = (bond{Held: p.Held, Asked: now}).seal(c.Secret, session); err != nil {
		return renewed{}, err
	}
	if err := s.records.CreateSession(ctx, session); err != nil {
		return renewed{}, err
	}
	return renewed{user: u, session: session, at: now, until: session.ExpiresAt, secret: c.String(identity.SessionPrefix)}, nil
}

// endFormer ends the session that the browser is in, if any, and returns the user
// who signs in as they are afterwards: it may have ended all of theirs, and what is
// signed next must not be taken for one of those.
func (s *Service) endFormer(r *http.Request, u records.User, now time.Time) (records.User, error) {
	former, _, err := s.presented(r)
	if fault.Is(err, fault.Unauthenticated) {
		return u, nil
	}
	if err != nil {
		return u, err
	}
	if err := s.end(r.Context(), former.UserID, former.ID, now); err != nil || former.UserID != u.ID {
		return u, err
	}
	return s.records.User(r.Context(), u.ID)
}

// end ends a session and with it all that was signed for it.
func (s *Service) end(ctx context.Context, userID, id string, now time.Time) error {
	err := s.records.EndSession(ctx, userID, id, now, now.Add(identity.SessionLifetime))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// presented returns the session whose secret the browser has, alive or not, and
// the secret. All that is wrong with it looks the same from outside.
func (s *Service) presented(r *http.Request) (records.Session, identity.Credential, error) {
	c, err := presentedSecret(r)
	if err != nil {
		return records.Session{}, c, err
	}
	session, err := s.sessionOf(r.Context(), c)
	return session, c, err
}

var errNoSession = fault.New(fault.Unauthenticated, "renew session: there is none that lives: sign in again")

func presentedSecret(r *http.Request) (identity.Credential, error) {
	cookies := r.CookiesNamed(identity.SessionCookie)
	if len(cookies) != 1 { // browsers keep one __Host- cookie of a name
		return identity.Credential{}, errNoSession
	}
	c, ok := identity.ParseCredential(identity.SessionPrefix, cookies[0].Value)
	if !ok {
		return identity.Credential{}, errNoSession
	}
	return c, nil
}

// sessionOf returns the browser's session that the secret is of.
func (s *Service) sessionOf(ctx context.Context, c identity.Credential) (records.Session, error) {
	session, err := s.records.Session(ctx, c.UserID, c.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		return records.Session{}, errNoSession
	case err != nil:
		return records.Session{}, err
	case session.Kind != records.Browser || !identity.SameHash(session.SecretHash, c.Hash()):
		return records.Session{}, errNoSession
	}
	return session, nil
}

// renewed is a session that goes on.
type renewed struct {
	user    records.User
	session records.Session
	secret  string    // the session's cookie
	at      time.Time // before user and session were read
	until   time.Time // nothing signed for it may last longer
}

// give signs tokens for a session and answers with all its cookies.
func (s *Service) give(w http.ResponseWriter, r *http.Request, n renewed) (expires time.Time, err error) {
	expires = time.Now().Add(identity.SessionLifetime)
	if n.until.Before(expires) {
		expires = n.until
	}
	tokens, err := s.signer.Issue(r.Context(), n.user, n.session.ID, n.at, expires)
	if err != nil {
		return time.Time{}, err
	}
	rec := web.RecordOf(r.Context())
	rec.User, rec.Via = n.user.ID, string(identity.Session)
	identity.SetCookies(w, s.hosts, tokens)
	identity.SetSession(w, s.hosts, n.secret, n.session.ExpiresAt)
	return tokens.ExpiresAt, nil
}
