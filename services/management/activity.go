package management

import (
	"context"
	"fmt"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/contracts/subscriptions"
	"wikibot.io/pkg/event"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// Subscriptions is what the service listens to.
func (s *Service) Subscriptions() []event.Subscription {
	return []event.Subscription{
		event.On(subscriptions.ManagementActivity, s.noteActivity),
		event.On(subscriptions.ManagementCleanup, s.cleanUp),
	}
}

// noteActivity keeps who touched what last. The records let the newest step of
// the head win, so order and repetition of deliveries do not matter.
func (s *Service) noteActivity(ctx context.Context, env *eventsv1.Envelope) error {
	commit := events.CommitOf(env)
	if commit == nil || env.GetWikiId() == "" {
		return fmt.Errorf("note activity: event %s of type %q reports no commit", env.GetId(), env.GetType())
	}
	a := records.Activity{
		WikiID: env.GetWikiId(), Sequence: commit.GetSequence(), At: env.GetTime().AsTime(),
		Name: env.GetActor().GetName(), Agent: env.GetActor().GetAgent(),
	}
	a.Page, a.Kind = mainChange(commit.GetChanges())
	if err := s.records.PutActivity(ctx, a); err != nil {
		return err
	}
	// The event may arrive after the wiki's deletion was cleaned up. Looking
	// after the write, not before, leaves no order in which the line stays.
	if _, err := s.records.Wiki(ctx, a.WikiID); fault.Is(err, fault.NotFound) {
		return s.records.ForgetWiki(ctx, a.WikiID)
	} else if err != nil {
		return err
	}
	return nil
}

// mainChange picks what a person would name as the change: a page that was
// rewritten because its neighbour was renamed is not it.
func mainChange(changes []*eventsv1.PageChange) (page, kind string) {
	for _, c := range changes {
		switch c.GetKind() {
		case eventsv1.PageChange_KIND_CREATED:
			return c.GetPath(), "created"
		case eventsv1.PageChange_KIND_EDITED:
			return c.GetPath(), "edited"
		case eventsv1.PageChange_KIND_RENAMED:
			return c.GetPath(), "renamed"
		case eventsv1.PageChange_KIND_DELETED:
			return c.GetPath(), "deleted"
		}
	}
	return "", ""
}
