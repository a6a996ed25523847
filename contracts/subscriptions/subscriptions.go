// Package subscriptions is the one table of who listens to what: the services
// attach their handlers to its rows, and the deployment makes a rule, a target
// and a dead-letter queue of each.
package subscriptions

import (
	"wikibot.io/contracts/events"
	"wikibot.io/contracts/routes"
)

// Subscription is one service's interest in events.
type Subscription struct {
	// Name is "service.purpose". It names retries and dead letters, so it never
	// changes.
	Name    string
	Service routes.Service
	Types   []events.Type
}

// The rows.
var (
	ManagementActivity = Subscription{"management.activity", routes.Management, events.Pages}
	ManagementCleanup  = Subscription{"management.cleanup", routes.Management, []events.Type{events.WikiDeleted, events.UserDeleted}}
	WikiBootstrap      = Subscription{"wiki.bootstrap", routes.Wiki, []events.Type{events.WikiCreated}}
	WikiRemoval        = Subscription{"wiki.removal", routes.Wiki, []events.Type{events.WikiDeleted}}
	EmbeddingIndex     = Subscription{"embedding.index", routes.Embedding, append([]events.Type{events.WikiCreated, events.WikiDeleted}, events.Pages...)}
	EmbeddingUpkeep    = Subscription{"embedding.upkeep", routes.Embedding, events.Pages}
)

// Table lists all subscriptions of the fleet.
var Table = []Subscription{ManagementActivity, ManagementCleanup, WikiBootstrap, WikiRemoval, EmbeddingIndex, EmbeddingUpkeep}

// Of returns a service's subscriptions.
func Of(s routes.Service) []Subscription {
	var of []Subscription
	for _, row := range Table {
		if row.Service == s {
			of = append(of, row)
		}
	}
	return of
}
