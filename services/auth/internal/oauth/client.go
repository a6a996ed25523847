package oauth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"wikibot.io/pkg/fault"
)

// CommandLine is the client id of "wikibot login", the one client that is built
// in.
const CommandLine = "wikibot-cli"

// How long clients that registered themselves are kept: a day, in case nobody
// ever says yes to them; and after each use.
const (
	unusedClient = 24 * time.Hour
	usedClient   = 90 * 24 * time.Hour
)

// client is an OAuth client of one of three kinds: the command line; one that a
// document at its id describes, and the id's host vouches for; one that registered
// itself, for which nobody does. All are public (RFC 6749 section 2.1).
type client struct {
	ID           string
	Name         string // what it calls itself; may be ""
	Host         string // that vouches for it; "" when nobody does
	RedirectURIs []string
}

// hasDocument reports whether a client id is the address of a document. That of a
// registered client is none: we made it.
func hasDocument(id string) bool { return strings.HasPrefix(id, "https://") }

// errUnknownClient is for ids that nobody has, or has no more.
var errUnknownClient = errors.New("there is no such client, or it has expired: register again")

// client finds a client. errUnknownClient; fault.Invalid when its document is
// none; fault.Unavailable when it cannot be had, which says nothing about the
// client.
func (s *Server) client(ctx context.Context, id string) (client, error) {
	switch {
	case id == CommandLine:
		return client{ID: id, Name: "wikibot", RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback", "http://localhost/callback"}}, nil
	case hasDocument(id):
		return s.documents.client(ctx, id)
	case id == "" || len(id) > 100:
		return client{}, errUnknownClient
	}
	c, err := s.deps.Records.Client(ctx, id, time.Now())
	if fault.Is(err, fault.NotFound) {
		return client{}, errUnknownClient
	}
	if err != nil {
		return client{}, err
	}
	return client{ID: c.ID, Name: c.Name, RedirectURIs: c.RedirectURIs}, nil
}

// knows reports whether a client id could have been given a token. Documents are
// not fetched for that: a host that is away for a moment must not log its users
// out, and what a client redeems was bound to its id.
func (s *Server) knows(ctx context.Context, id string) error {
	if hasDocument(id) {
		return nil
	}
	_, err := s.client(ctx, id)
	return err
}

// used keeps a registered client from expiring.
func (s *Server) used(ctx context.Context, id string, now time.Time) error {
	if id == CommandLine || hasDocument(id) {
		return nil
	}
	err := s.deps.Records.ExtendClient(ctx, id, now.Add(usedClient))
	if fault.Is(err, fault.NotFound) {
		return errUnknownClient
	}
	return err
}

// redirect chooses where answers go: what was asked for if it is registered; what
// is registered if that is one address and nothing was asked for (RFC 6749
// section 3.1.2.3).
func (c client) redirect(asked string) (string, bool) {
	if asked == "" {
		if len(c.RedirectURIs) != 1 {
			return "", false
		}
		return c.RedirectURIs[0], true
	}
	return asked, slices.ContainsFunc(c.RedirectURIs, func(r string) bool { return matchRedirect(r, asked) })
}

// maxName bounds the names of clients and devices, in characters.
const maxName = 60

// cleanName makes of what a stranger calls itself one line of text that stays
// where it is put: no control characters, nothing that turns the direction of
// writing or cannot be seen, single spaces; no quotation marks, by which it would
// step out of those that it is shown in and say something in our name; and no piles
// of accents, which cover what stands above and below.
func cleanName(said string) string {
	marks := 0
	said = strings.Map(func(r rune) rune {
		if marks++; !unicode.Is(unicode.M, r) {
			marks = 0
		}
		switch {
		case marks > 2:
			return -1
		case unseen(r):
			return ' '
		case unicode.Is(unicode.Quotation_Mark, r) && r != '\'':
			return '\''
		}
		return r
	}, strings.ToValidUTF8(said, " "))
	said = strings.Join(strings.Fields(said), " ")
	if runes := []rune(said); len(runes) > maxName {
		said = strings.TrimSpace(string(runes[:maxName-1])) + "…"
	}
	return said
}
