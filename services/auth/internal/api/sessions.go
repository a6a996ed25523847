package api

import (
	"context"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// Session is a sign-in on one device.
type Session struct {
	ID        string              `json:"id"`
	Kind      records.SessionKind `json:"kind" enum:"browser,cli" doc:"cli: wikibot login"`
	Name      string              `json:"name" doc:"of the device; may be empty"`
	CreatedAt time.Time           `json:"created_at"`
	LastUsed  time.Time           `json:"last_used" doc:"to the minute; the creation if never"`
	ExpiresAt time.Time           `json:"expires_at"`
	Current   bool                `json:"current" doc:"the request's own"`
}

type sessionList struct {
	Sessions []Session `json:"sessions" nullable:"false"`
}

type sessionsOutput struct{ Body sessionList }

func (a *API) listSessions(ctx context.Context, _ *struct{}) (*sessionsOutput, error) {
	list, err := a.sessions(ctx, identity.From(ctx))
	return &sessionsOutput{sessionList{list}}, err
}

func (a *API) sessions(ctx context.Context, p identity.Principal) ([]Session, error) {
	kept, err := a.records.SessionsOfUser(ctx, p.UserID)
	if err != nil {
		return nil, err
	}
	list, now := make([]Session, 0, len(kept)), time.Now()
	for _, s := range kept {
		if !now.Before(s.ExpiresAt) {
			continue // the records drop it in their own time
		}
		list = append(list, Session{
			ID: s.ID, Kind: s.Kind, Name: s.Name, CreatedAt: s.CreatedAt, LastUsed: s.LastUsed, ExpiresAt: s.ExpiresAt,
			Current: s.ID == p.SessionID,
		})
	}
	return list, nil
}

type idInput struct {
	ID string `path:"id" maxLength:"64"`
}

type signedOutOutput struct {
	SetCookie []string `header:"Set-Cookie" doc:"when it was this browser's own: it is signed out"`
}

// endSession ends what is signed for the session, too: it may be good for as long
// as a token signed this moment.
func (a *API) endSession(ctx context.Context, in *idInput) (*signedOutOutput, error) {
	p, now := identity.From(ctx), time.Now().UTC()
	err := a.records.EndSession(ctx, p.UserID, in.ID, now, now.Add(identity.SessionLifetime))
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Wrap(err, fault.NotFound, "sign out on a device: there is no such sign-in, or it has ended")
	}
	if err != nil {
		return nil, err
	}
	out := new(signedOutOutput)
	if in.ID == p.SessionID {
		out.SetCookie = a.signedOut()
	}
	return out, nil
}

// endOtherSessions keeps the session that the request comes from. One that is
// signed but names no session cannot be kept: everything ends then.
func (a *API) endOtherSessions(ctx context.Context, _ *struct{}) (*struct{}, error) {
	p, now := identity.From(ctx), time.Now().UTC()
	return nil, a.records.EndSessions(ctx, p.UserID, p.SessionID, now)
}
