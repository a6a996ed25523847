package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// codeLifetime is how long a code may be redeemed, from the person's decision on.
const codeLifetime = 2 * time.Minute

// connectionLifetime is how long a connection lasts from its last refresh on.
const connectionLifetime = 90 * 24 * time.Hour

// codeOf derives the authorization code of a consent. Who has the code cannot
// come back to the form by it.
func codeOf(consentSecret string) string { return derive(consentSecret, "authorization code") }

// errBadCode is one answer for codes that never were, have run out, or were made
// for somebody else: the difference would help to guess.
func errBadCode() *problem {
	return refuse(invalidGrant, "the code is unknown, used or expired, or was given to another client")
}

func errUserGone() *problem { return refuse(invalidGrant, "the user is gone") }

// redeem exchanges an authorization code (RFC 6749 section 4.1.3, RFC 7636 section
// 4.6). All that can be wrong with the request is found before the code is spent,
// so that a client can mend it.
//
// A second redemption that is as good as the first one comes from somebody who has
// the verifier too: what was made by the code ends (RFC 9700 section 4.13). Who has
// the code alone, from a log or a history, can make nothing of it, and must not be
// able to cut a person off by it either. There is no grace for a client that lost
// our answer, as refresh tokens have: it may give tokens once for a code (OAuth 2.1
// section 4.1.3), has none to lose yet, and its person is still there to ask.
func (s *Server) redeem(r *http.Request, clientID string, form url.Values) (tokenAnswer, error) {
	ctx, at := r.Context(), now()
	if form.Get("code") == "" {
		return tokenAnswer{}, refuse(invalidRequest, "code is missing")
	}
	t, err := s.deps.Records.Ticket(ctx, codeTicket, hashOf(form.Get("code")), at)
	if fault.Is(err, fault.NotFound) {
		return tokenAnswer{}, errBadCode()
	}
	if err != nil {
		return tokenAnswer{}, err
	}
	var q request
	if err := json.Unmarshal(t.Data, &q); err != nil {
		return tokenAnswer{}, err
	}
	web.RecordOf(ctx).User = q.UserID
	wrong := s.checkRedemption(q, clientID, form)
	switch {
	case !t.SpentAt.IsZero() && wrong != nil:
		return tokenAnswer{}, errBadCode()
	case !t.SpentAt.IsZero():
		return tokenAnswer{}, s.replayed(ctx, t, q, at)
	case wrong != nil:
		return tokenAnswer{}, wrong
	}
	if err := s.deps.Limiter.Allow(ctx, tokens, q.UserID); err != nil {
		return tokenAnswer{}, err
	}
	if err := s.used(ctx, q.ClientID, at); err != nil {
		return tokenAnswer{}, err
	}
	return s.make(ctx, t, q, at)
}

// checkRedemption compares a redemption with the request that the code was given
// for. A redirect URI that is not repeated is no fault: OAuth 2.1 has PKCE do its
// work.
func (s *Server) checkRedemption(q request, clientID string, form url.Values) error {
	verifier := form.Get("code_verifier")
	switch {
	case q.ClientID != clientID:
		return errBadCode()
	case form.Get("redirect_uri") != "" && form.Get("redirect_uri") != q.RedirectURI:
		return refuse(invalidGrant, "the redirect_uri is not the one that the code was sent to")
	case q.account() && form.Get("resource") != "" && !isRoot(s.deps.Hosts, form.Get("resource")), !q.account() && !s.sameWiki(form.Get("resource"), q.Resource):
		return refuse(invalidTarget, "the resource is not the one that the code was given for")
	case verifier == "":
		return refuse(invalidRequest, "code_verifier is missing: PKCE is required")
	case len(verifier) < 43 || len(verifier) > 128 || !unreserved(verifier, "-._~"):
		return refuse(invalidRequest, "the code_verifier has 43 to 128 letters, digits and -._~")
	}
	sum := sha256.Sum256([]byte(verifier))
	if subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(q.Challenge)) != 1 {
		return refuse(invalidGrant, "the code_verifier does not belong to the code")
	}
	return nil
}

// make makes what was consented to, and spends the code. In this order, so that
// a second redemption finds what it has to end; until the code is ours, nobody has
// seen the secrets of what was made.
func (s *Server) make(ctx context.Context, code records.Ticket, q request, at time.Time) (tokenAnswer, error) {
	id := events.NewID(at)
	answer, err := s.makeUnder(ctx, id, q, at)
	if err != nil {
		return tokenAnswer{}, err
	}
	spent, err := s.deps.Records.SpendTicket(ctx, codeTicket, code.Hash, id, at)
	if err == nil {
		return answer, nil
	}
	if undo := s.end(ctx, q.account(), q.UserID, id, at); undo != nil {
		s.deps.Log.WarnContext(ctx, "end what a code was not spent for", "id", id, "err", undo)
	}
	switch {
	case fault.Is(err, fault.Conflict):
		return tokenAnswer{}, s.replayed(ctx, spent, q, at)
	case fault.Is(err, fault.NotFound):
		return tokenAnswer{}, errBadCode()
	}
	return tokenAnswer{}, err
}

func (s *Server) makeUnder(ctx context.Context, id string, q request, at time.Time) (tokenAnswer, error) {
	if q.account() {
		return s.personal(ctx, q.UserID, id, q.Device, at)
	}
	entry, err := s.entryOf(ctx, q.UserID, q.Slug)
	if shut(err) {
		return tokenAnswer{}, refuse(invalidGrant, "the person has no access to the wiki any more")
	}
	if err != nil {
		return tokenAnswer{}, err
	}
	secret := identity.NewCredential(q.UserID, id)
	c := records.Connection{
		ID: id, UserID: q.UserID, WikiID: entry.Wiki.ID, ClientID: q.ClientID, ClientName: q.ClientName, ClientHost: q.ClientHost,
		Resource: q.Resource, Role: lesser(q.Role, most(entry)), RefreshHash: secret.Hash(), Seed: newSecret(),
		CreatedAt: at, RotatedAt: at, ExpiresAt: at.Add(connectionLifetime),
	}
	answer, err := s.access(ctx, c, c.Role, at)
	if err != nil {
		return tokenAnswer{}, err
	}
	answer.RefreshToken = secret.String(identity.RefreshPrefix)
	err = s.deps.Records.CreateConnection(ctx, c)
	if fault.Is(err, fault.NotFound) {
		return tokenAnswer{}, errUserGone() // a moment ago
	}
	return answer, err
}

// replayed ends what the first redemption of a code made.
func (s *Server) replayed(ctx context.Context, code records.Ticket, q request, at time.Time) error {
	s.deps.Log.WarnContext(ctx, "authorization code used twice", "user", q.UserID, "client", q.ClientID, "connection", code.Note)
	if err := s.end(ctx, q.account(), q.UserID, code.Note, at); err != nil {
		return err
	}
	return errBadCode()
}
