package api

import (
	"context"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// Agent is an OAuth client that the person has connected to one wiki.
type Agent struct {
	ID   string `json:"id"`
	Name string `json:"name" doc:"what the client calls itself"`
	// A nil pointer is null: nobody vouches, the wiki is gone, never used.
	Host      *string      `json:"host" nullable:"true" doc:"the host that vouches for the client; null when nobody does"`
	WikiSlug  *string      `json:"wiki_slug" nullable:"true" doc:"null when the wiki is gone"`
	WikiName  *string      `json:"wiki_name" nullable:"true" doc:"null when the wiki is gone"`
	Role      records.Role `json:"role" enum:"editor,viewer" doc:"the most that the agent may do"`
	CreatedAt time.Time    `json:"created_at"`
	LastUsed  *time.Time   `json:"last_used" nullable:"true" doc:"to the minute; null if never"`
	ExpiresAt time.Time    `json:"expires_at" doc:"unless it is used before"`
}

type agentList struct {
	Agents []Agent `json:"agents" nullable:"false"`
}

type agentsOutput struct{ Body agentList }

func (a *API) listAgents(ctx context.Context, _ *struct{}) (*agentsOutput, error) {
	list, err := a.agents(ctx, identity.From(ctx).UserID)
	return &agentsOutput{agentList{list}}, err
}

func (a *API) agents(ctx context.Context, userID string) ([]Agent, error) {
	kept, err := a.records.ConnectionsOfUser(ctx, userID)
	if err != nil {
		return nil, err
	}
	list, now := make([]Agent, 0, len(kept)), time.Now()
	seen := map[string]records.Wiki{} // several agents in one wiki are the rule
	for _, c := range kept {
		if !now.Before(c.ExpiresAt) {
			continue
		}
		w, ok := seen[c.WikiID]
		if !ok {
			if w, err = a.openWiki(ctx, c.WikiID); err != nil {
				return nil, err
			}
			seen[c.WikiID] = w
		}
		agent := Agent{ID: c.ID, Name: c.ClientName, Role: c.Role, CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt}
		if c.ClientHost != "" {
			agent.Host = &c.ClientHost
		}
		if w.ID != "" {
			agent.WikiSlug, agent.WikiName = &w.Slug, &w.Name
		}
		if !c.LastUsed.IsZero() {
			agent.LastUsed = &c.LastUsed
		}
		list = append(list, agent)
	}
	return list, nil
}

// openWiki returns the zero Wiki for one that is gone, or as good as gone.
func (a *API) openWiki(ctx context.Context, id string) (records.Wiki, error) {
	w, err := a.records.Wiki(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && w.Closed {
		return records.Wiki{}, nil
	}
	return w, err
}

// disconnectAgent cuts the agent off: each of its requests looks for the
// connection.
func (a *API) disconnectAgent(ctx context.Context, in *idInput) (*struct{}, error) {
	err := a.records.EndConnection(ctx, identity.From(ctx).UserID, in.ID)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Wrap(err, fault.NotFound, "disconnect agent: there is no such one, or it is disconnected")
	}
	return nil, err
}
