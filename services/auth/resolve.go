package auth

import (
	"context"
	"net/http"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/names"
	"wikibot.io/pkg/records"
	"wikibot.io/services/auth/internal/pages"
	"wikibot.io/services/auth/provider"
)

// standing is how somebody who has proved who they are stands with us.
type standing string

const (
	known      standing = "known"      // the user is returned
	newcomer   standing = "newcomer"   // nobody of that identity or e-mail address yet
	leaving    standing = "leaving"    // the user is returned; they have asked to be forgotten
	unverified standing = "unverified" // the provider does not vouch for the e-mail address
	another    standing = "another"    // the e-mail address is a user's who is somebody else there
	departing  standing = "departing"  // the e-mail address is a user's who is leaving, by another identity
)

// resolve finds out whose a proof is. A user is found by the first identity, else
// by the e-mail address if the provider has verified it: then the identities
// become theirs. Who has an identity at that provider already is not joined with
// a second one: addresses are given to others, identities are not.
func (s *Service) resolve(ctx context.Context, p provider.Person) (records.User, standing, error) {
	if len(p.Identities) == 0 {
		return records.User{}, "", fault.New(fault.Unauthenticated, "sign in: the provider did not say who it is")
	}
	u, err := s.records.UserByIdentity(ctx, p.Identities[0])
	if err == nil {
		s.adopt(ctx, u, p.Identities[1:])
		return u, known, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return records.User{}, "", err
	}
	u, err = s.records.DepartedUser(ctx, p.Identities[0])
	if err == nil {
		return u, leaving, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return records.User{}, "", err
	}
	if !p.EmailVerified || names.Email(p.Email) != nil {
		return records.User{}, unverified, nil
	}
	u, err = s.records.UserByEmail(ctx, p.Email)
	if fault.Is(err, fault.NotFound) {
		return records.User{}, newcomer, nil
	}
	if err != nil {
		return records.User{}, "", err
	}
	return s.join(ctx, u, p)
}

// join gives the identities to the user of the same e-mail address.
func (s *Service) join(ctx context.Context, u records.User, p provider.Person) (records.User, standing, error) {
	has, err := s.records.IdentitiesOfUser(ctx, u.ID)
	if err != nil {
		return records.User{}, "", err
	}
	if !sameAddress(u.Email, p.Email) {
		return records.User{}, another, nil
	}
	for _, id := range p.Identities {
		for _, old := range has {
			if old.Provider == id.Provider && old.Subject != id.Subject {
				return records.User{}, another, nil
			}
		}
	}
	err = s.records.AddIdentity(ctx, u.ID, p.Identities[0])
	if fault.Is(err, fault.Exists) {
		return records.User{}, another, nil // somebody was faster in this very moment
	}
	if fault.Is(err, fault.NotFound) {
		return records.User{}, departing, nil // in this very moment, likewise
	}
	if err != nil {
		return records.User{}, "", err
	}
	s.adopt(ctx, u, p.Identities[1:])
	return u, known, nil
}

// sameAddress compares more strictly than the records do, for which an address is
// taken when another looks like it: letters that are one in another case only by
// Unicode's tables (the Kelvin sign and k) are two to a mail server.
func sameAddress(a, b string) bool { return lowerASCII(a) == lowerASCII(b) }

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// adopt keeps what else the provider knows of a user. It is for the day on which
// they leave it, so a failure is logged and the sign-in goes on.
func (s *Service) adopt(ctx context.Context, u records.User, ids []records.Identity) {
	for _, id := range ids {
		if err := s.records.AddIdentity(ctx, u.ID, id); err != nil {
			s.log.WarnContext(ctx, "keep another identity", "user", u.ID, "provider", id.Provider, "err", err)
		}
	}
}

// settle goes on with whoever has just proved who they are.
func (s *Service) settle(w http.ResponseWriter, r *http.Request, p waiting) error {
	u, how, err := s.resolve(r.Context(), p.Person)
	if err != nil {
		return err
	}
	switch how {
	case known:
		return s.signIn(w, r, u, p.Person, p.ReturnTo)
	case newcomer:
		return s.await(w, r, newcomerTicket, "/auth/welcome", p)
	case leaving:
		return s.await(w, r, leavingTicket, "/auth/welcome-back", p)
	case unverified:
		return s.refuse(w, "unverified", "", p)
	case departing:
		return s.refuse(w, "taken", "leaving", p)
	}
	return s.refuse(w, "taken", "", p)
}

// refuse draws the page of somebody who has proved who they are and cannot be let
// in: why, and what to do.
func (s *Service) refuse(w http.ResponseWriter, name, why string, p waiting) error {
	return s.pages.Render(w, pages.Page{Name: name, Status: http.StatusForbidden, Data: struct{ Email, Again, Why string }{
		p.Person.Email, anew(p.ReturnTo), why,
	}})
}
