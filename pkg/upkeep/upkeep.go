package upkeep

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
)

// Due is how many steps the head may be ahead of the bases. Each step is a small
// pack, and a process that meets a wiki for the first time reads the index of each:
// some two operations, so that 32 of them cost a tenth of a second on a file system
// where one takes 2 ms. A fold in turn reads them once and makes four requests of the
// records, which 32 saves share.
const Due = 32

const (
	// leaseTime is how long a Keeper works at most: what a function may run. The lease
	// of one that was killed is in nobody's way for longer than that.
	leaseTime = 15 * time.Minute
	// grace is longer than the longest request that may be reading what was replaced.
	grace = time.Hour
	// young is longer than any save can be under way, and leaves an operator who looks
	// for a lost one two weeks.
	young = 14 * 24 * time.Hour
	// rounds bounds how often a Keeper starts again because the head has gone far on.
	// What is left then, the next save begins with.
	rounds = 4
	// endTime is for giving the lease back when the caller's time is up.
	endTime = 5 * time.Second
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
func New(d Deps) (*Keeper, error) {
	if d.Records == nil || d.Git == nil || d.Log == nil {
		return nil, errors.New("make keeper of packs: records, git store or log missing")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Keeper{d}, nil
}

// Wikis returns the identifiers of all wikis that have a folder, sorted. Of some
// there may be no record: they are deleted, or being made.
func (k *Keeper) Wikis(ctx context.Context) ([]string, error) { return k.deps.Git.Wikis(ctx) }

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
	w, err := k.deps.Records.Wiki(ctx, wikiID)
	if err != nil || w.Head == "" || !due(w) && !inAnyCase {
		return Report{WikiID: wikiID}.of(w), err
	}
	holder, now := rand.Text(), k.deps.Now()
	leased, err := k.deps.Records.LeaseUpkeep(ctx, wikiID, holder, now, now.Add(leaseTime))
	if fault.Is(err, fault.Conflict) {
		return Report{WikiID: wikiID, Busy: true}.of(w), nil
	}
	if err != nil {
		return Report{WikiID: wikiID}.of(w), err
	}
	defer k.end(ctx, wikiID, holder)
	working, stop := context.WithTimeout(ctx, leaseTime)
	defer stop()
	t := tending{k: k, holder: holder, wiki: leased, report: Report{WikiID: wikiID}}
	err = t.run(working, inAnyCase)
	return t.report.of(t.wiki), k.explain(ctx, wikiID, err)
}

func due(w records.Wiki) bool { return w.Sequence-w.BaseSequence >= Due }

// of fills in what the record says.
func (r Report) of(w records.Wiki) Report {
	r.Slug, r.Bases = w.Slug, append([]string{}, w.BasePacks...)
	return r
}

// end gives the lease back, also when the work was interrupted. If it cannot, the
// lease runs out.
func (k *Keeper) end(ctx context.Context, wikiID, holder string) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer stop()
	if err := k.deps.Records.EndUpkeep(ctx, wikiID, holder); err != nil {
		k.deps.Log.WarnContext(ctx, "give the lease of a wiki's packs back", "wiki", wikiID, "err", err)
	}
}

// explain tells trouble with a repository from its having been deleted meanwhile.
func (k *Keeper) explain(ctx context.Context, wikiID string, err error) error {
	if err == nil {
		return nil
	}
	if _, gone := k.deps.Records.Wiki(ctx, wikiID); fault.Is(gone, fault.NotFound) {
		return gone
	}
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(err, fault.Internal, "tend the packs of wiki %s: its record is there, its repository is not whole", wikiID)
	}
	return err
}

// tending is the work under one lease.
type tending struct {
	k      *Keeper
	holder string
	wiki   records.Wiki // as it was last read
	report Report
}

func (t *tending) run(ctx context.Context, inAnyCase bool) error {
	repo, err := t.k.deps.Git.Repo(ctx, t.wiki.ID)
	if err != nil {
		return err
	}
	for round := 0; round < rounds && (due(t.wiki) || inAnyCase && round == 0); round++ {
		if err := t.fold(ctx, repo); err != nil {
			return err
		}
		if t.report.Busy {
			return nil // another took the lease when it ran out; it prunes, too
		}
	}
	t.report.Pruned, err = repo.Prune(ctx, plumbing.NewHash(t.wiki.Head), t.wiki.BasePacks, gitstore.Pruning{Now: t.k.deps.Now(), Grace: grace, Young: young})
	return err
}

// fold consolidates the history of the head as it was last read, and writes that
// into the record.
func (t *tending) fold(ctx context.Context, repo *gitstore.Repo) error {
	began, before := time.Now(), t.wiki
	packs, err := repo.Fold(ctx, plumbing.NewHash(before.Head), before.BasePacks)
	if err != nil {
		return err
	}
	if slices.Equal(packs, before.BasePacks) && before.BaseSequence == before.Sequence {
		return nil
	}
	after, err := t.k.deps.Records.ReplaceBases(ctx, records.BaseChange{WikiID: before.ID, Holder: t.holder, Packs: packs, Sequence: before.Sequence})
	if fault.Is(err, fault.Conflict) {
		t.report.Busy = true
		return nil
	}
	if err != nil {
		return err
	}
	t.wiki = after
	t.report.Folded = t.report.Folded || !slices.Equal(packs, before.BasePacks)
	t.k.deps.Log.InfoContext(ctx, "packs are consolidated", "wiki", before.ID, "steps", before.Sequence-before.BaseSequence,
		"bases", len(packs), "took", time.Since(began))
	return nil
}
