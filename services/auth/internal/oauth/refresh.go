package oauth

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

const (
	// grace is for how long the last refresh token may be sent once more, by a
	// client that did not get our answer, and gets the very same next one.
	grace = time.Minute
	// maxGenerations bounds how many steps back a refresh token is recognised as
	// one that was used: more than a connection makes between two that a person
	// would notice, at a few microseconds each.
	maxGenerations = 1000
)

// errBadRefresh is one answer for refresh tokens that never were, were used, have
// expired, or are another client's.
func errBadRefresh() *problem {
	return refuse(invalidGrant, "the refresh token is unknown, used, expired or revoked, or was given to another client")
}

// refresh exchanges a refresh token (RFC 6749 section 6) for an access token and
// the next one. Whatever is wrong with the request is found before the token is
// used up.
func (s *Server) refresh(r *http.Request, clientID string, form url.Values) (tokenAnswer, error) {
	ctx, at := r.Context(), now()
	if form.Get("refresh_token") == "" {
		return tokenAnswer{}, refuse(invalidRequest, "refresh_token is missing")
	}
	cred, ok := identity.ParseCredential(identity.RefreshPrefix, form.Get("refresh_token"))
	if !ok {
		return tokenAnswer{}, errBadRefresh()
	}
	c, err := s.deps.Records.Connection(ctx, cred.UserID, cred.ID)
	if fault.Is(err, fault.NotFound) || err == nil && (c.ClientID != clientID || !at.Before(c.ExpiresAt)) {
		return tokenAnswer{}, errBadRefresh()
	}
	if err != nil {
		return tokenAnswer{}, err
	}
	web.RecordOf(ctx).User, web.RecordOf(ctx).Wiki = c.UserID, c.WikiID
	if !s.good(c, cred, at) {
		return tokenAnswer{}, s.reused(ctx, c, cred)
	}
	role, err := s.roleRefreshed(ctx, c, form)
	if err != nil {
		return tokenAnswer{}, err
	}
	if err := s.deps.Limiter.Allow(ctx, tokens, c.ID); err != nil {
		return tokenAnswer{}, err
	}
	next, err := s.rotate(ctx, c, cred, at)
	if err != nil {
		return tokenAnswer{}, err
	}
	if err := s.used(ctx, c.ClientID, at); err != nil {
		return tokenAnswer{}, err
	}
	answer, err := s.access(ctx, c, role, at)
	answer.RefreshToken = next.String(identity.RefreshPrefix)
	return answer, err
}

// good reports whether a refresh token may be used: it is the one that is due, or
// the last one within the grace.
func (s *Server) good(c records.Connection, cred identity.Credential, at time.Time) bool {
	return identity.SameHash(cred.Hash(), c.RefreshHash) || identity.SameHash(cred.Hash(), c.FormerHash) && at.Sub(c.RotatedAt) < grace
}

// roleRefreshed is what the new access token may do: what the connection and the
// person may, or less if less is asked for.
func (s *Server) roleRefreshed(ctx context.Context, c records.Connection, form url.Values) (records.Role, error) {
	if !s.sameWiki(form.Get("resource"), c.Resource) {
		return "", refuse(invalidTarget, "the resource is not the one that was consented to")
	}
	role := c.Role
	if scope := form.Get("scope"); scope != "" {
		asked, err := roleAsked(scope)
		if err != nil {
			return "", err
		}
		// Habitual scopes alone ask for nothing in particular.
		if named, ok := identity.RoleOfScope(scope); ok && lesser(named, c.Role) != named {
			return "", refuse(invalidScope, "the scope is wider than what was consented to")
		}
		role = lesser(asked, c.Role)
	}
	entry, err := s.entryOf(ctx, c.UserID, s.slugOf(c.Resource))
	if shut(err) || err == nil && entry.Wiki.ID != c.WikiID {
		return "", refuse(invalidGrant, "the person has no access to the wiki any more")
	}
	if err != nil {
		return "", err
	}
	return lesser(role, most(entry)), nil
}

// rotate makes the next refresh token of the one that was sent. Two requests at a
// time with the same one get the same next one.
func (s *Server) rotate(ctx context.Context, c records.Connection, cred identity.Credential, at time.Time) (identity.Credential, error) {
	next := nextOf(c, cred)
	if !identity.SameHash(cred.Hash(), c.RefreshHash) {
		return next, nil // it has been made already, a moment ago
	}
	now, err := s.deps.Records.RotateConnection(ctx, c.UserID, c.ID, c.RefreshHash, next.Hash(), at, at.Add(connectionLifetime))
	switch {
	case fault.Is(err, fault.Conflict) && s.good(now, cred, at):
		return next, nil
	case fault.Is(err, fault.Conflict):
		return next, s.reused(ctx, now, cred)
	case fault.Is(err, fault.NotFound):
		return next, errBadRefresh()
	}
	return next, err
}

func nextOf(c records.Connection, cred identity.Credential) identity.Credential {
	cred.Secret = derive(c.Seed, cred.Secret)
	return cred
}

// reused answers a refresh token that is not due. If the one that is due follows
// from it, it was good once, and is used by two: nobody knows which one is the
// thief, so the connection ends (RFC 9700 section 4.14.2). Anything else was made
// up, and must not let a stranger end it.
func (s *Server) reused(ctx context.Context, c records.Connection, cred identity.Credential) error {
	for range maxGenerations {
		cred = nextOf(c, cred)
		if !identity.SameHash(cred.Hash(), c.RefreshHash) {
			continue
		}
		s.deps.Log.WarnContext(ctx, "refresh token used twice", "user", c.UserID, "client", c.ClientID, "connection", c.ID)
		if err := s.end(ctx, false, c.UserID, c.ID, time.Time{}); err != nil {
			return err
		}
		break
	}
	return errBadRefresh()
}
