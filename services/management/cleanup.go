package management

import (
	"context"
	"errors"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// cleanUp removes what is left of a wiki that was deleted, or of a user who was
// forgotten.
func (s *Service) cleanUp(ctx context.Context, env *eventsv1.Envelope) error {
	if events.Type(env.GetType()) == events.UserDeleted {
		return s.forgetUser(ctx, env.GetUserDeleted().GetUserId())
	}
	return s.forgetWiki(ctx, env.GetWikiId())
}

func (s *Service) forgetWiki(ctx context.Context, id string) error {
	if err := s.records.ForgetWiki(ctx, id); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return nil
}

// forgetUser deletes the wikis that a forgotten user owned, each of which then
// sends an event of its own, and takes their other grants away. What cannot be
// done now does not hold up the rest; the event comes again, and what is done
// already is found to be. Nobody is the actor: the person is gone.
func (s *Service) forgetUser(ctx context.Context, id string) error {
	switch _, err := s.records.User(ctx, id); {
	case err == nil:
		// Nothing brings a forgotten user back, so this event is not true. It stays
		// among the dead letters, and no wiki is lost by it.
		return fault.New(fault.Conflict, "forget user %s: they are there", id)
	case !fault.Is(err, fault.NotFound):
		return err
	}
	grants, err := s.records.GrantsOfUser(ctx, id)
	if err != nil {
		return err
	}
	var failed []error
	for _, g := range grants {
		if g.Role == records.Owner {
			err = s.records.DeleteWiki(ctx, g.WikiID, nil)
		} else {
			err = s.records.DeleteGrant(ctx, g.WikiID, id, nil)
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
