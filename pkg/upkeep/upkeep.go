// Package upkeep keeps the packs of each wiki few.
//
// Every save leaves a small pack. When enough of them have piled up, one holder of
// a lease folds them into consolidated packs ([gitstore.Repo.Fold]), names these in
// the wiki's record, and removes what they replaced once nobody can be reading it
// any more. Whoever calls it, and how often, does not matter: what is not due costs
// one read of the record.
package upkeep

import (
	"context"
	"log/slog"
	"time"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
)

// Records is what a Keeper needs of the records.
type Records interface {
	records.Upkeep
	Wiki(ctx context.Context, id string) (records.Wiki, error)
}

// Deps is what a Keeper stands on. All but Now are needed.
type Deps struct {
	Records Records
	Git     *gitstore.Store
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
}

// Keeper keeps the packs of all wikis. Safe for concurrent use.
type Keeper struct{ deps Deps }

// New returns a keeper.
func New(d Deps) (*Keeper, error) { panic("unwritten") }

// Report is what Tend did.
type Report struct {
	WikiID string          `json:"wiki"`
	Slug   string          `json:"slug,omitempty"`
	Folded bool            `json:"folded"` // the packs were consolidated
	Busy   bool            `json:"busy"`   // somebody else holds the lease
	Pruned gitstore.Pruned `json:"pruned"`
	Bases  []string        `json:"bases"` // the record's list now
}

// Tend consolidates the packs of a wiki if enough have piled up, or in any case if
// it is told to, and removes what is no longer needed. NotFound when the wiki is
// gone. It may be interrupted at any point and called again.
func (k *Keeper) Tend(ctx context.Context, wikiID string, inAnyCase bool) (Report, error) {
	panic("unwritten")
}
