package gitstore

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
)

// Follows reports whether a commit came after another one: whether the earlier
// one is reachable from it. It goes back from both in turn, so that it reads
// about as many commits as lie between them, and the whole history only when
// neither leads to the other. Errors are those of Commit.
func (r *Repo) Follows(ctx context.Context, later, earlier OID) (bool, error) {
	if later == earlier {
		return false, nil
	}
	before, after := newBackward(earlier), newBackward(later)
	for len(after.queue) > 0 {
		if met, err := before.step(ctx, r, later); met || err != nil {
			return false, err // it is the other way round
		}
		if met, err := after.step(ctx, r, earlier); met || err != nil {
			return met, err
		}
	}
	return false, nil
}

// backward goes through the history of one commit, nearest first.
type backward struct {
	queue []OID
	seen  map[OID]bool
}

func newBackward(from OID) *backward {
	return &backward{queue: []OID{from}, seen: map[OID]bool{from: true}}
}

// step reads one commit, if there is one left, and tells whether it was made upon
// the one sought.
func (b *backward) step(ctx context.Context, r *Repo, sought OID) (bool, error) {
	if len(b.queue) == 0 {
		return false, nil
	}
	c, err := r.node(ctx, b.queue[0])
	if err != nil {
		return false, err
	}
	b.queue = b.queue[1:]
	for _, p := range c.parents {
		if p == sought {
			return true, nil
		}
		if !b.seen[p] {
			b.seen[p] = true
			b.queue = append(b.queue, p)
		}
	}
	return false, nil
}

// Descendant is a commit that a save left, landed or not.
type Descendant struct {
	ID     OID
	Parent OID // the first; zero if there is none
	// Continued says that another save was made upon it, and so that it had
	// landed: writers build on heads only.
	Continued bool
}

// Descendants returns the commits that saves made upon one, and upon those: what
// the packs on disk tell, whatever any record or ref says. From zero
// it returns all. Those that most saves led to come first, and of several the
// latest by its clock. Commits that cannot be read, and what follows from them,
// are left out. It lists the packs anew and reads every such commit: it is for
// putting things right after a restore.
func (r *Repo) Descendants(ctx context.Context, from OID) ([]Descendant, error) {
	commits, err := r.packCommits(ctx, from)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "list the commits of wiki %s", r.wiki)
	}
	children := map[OID][]*Commit{}
	var level []*Commit
	for _, c := range commits {
		known := false
		for _, p := range c.Parents {
			children[p] = append(children[p], c)
			known = known || commits[p] != nil
		}
		if from.IsZero() && !known {
			level = append(level, c)
		}
	}
	if !from.IsZero() {
		level = children[from]
	}
	var found []Descendant
	for seen := map[OID]bool{from: true}; len(level) > 0; {
		slices.SortFunc(level, func(a, b *Commit) int {
			return cmp.Or(a.Committer.When.Compare(b.Committer.When), compareIDs(a.ID, b.ID))
		})
		var next []*Commit
		for _, c := range level {
			if seen[c.ID] {
				continue
			}
			seen[c.ID] = true
			d := Descendant{ID: c.ID, Continued: len(children[c.ID]) > 0}
			if len(c.Parents) > 0 {
				d.Parent = c.Parents[0]
			}
			found = append(found, d)
			next = append(next, children[c.ID]...)
		}
		level = next
	}
	slices.Reverse(found)
	return found, nil
}

// packCommits reads the commits that packs are named after, and those of bases
// that may follow from one.
func (r *Repo) packCommits(ctx context.Context, from OID) (map[OID]*Commit, error) {
	if _, err := r.loadAll(ctx, true); err != nil && !errors.Is(err, errDamaged) {
		return nil, err
	}
	ids := r.followers(from)
	for _, p := range r.packs() {
		id := plumbing.NewHash(p.name[len("pack-"):])
		if _, ok := p.index.find(id); ok {
			ids = append(ids, id)
		}
	}
	all := make(map[OID]*Commit, len(ids))
	var fails error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r.readCommits(ctx, ids, func(id OID, c *Commit, err error) {
		switch {
		case err == nil:
			all[id] = c
		case fails == nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Internal):
			fails = err
			stop()
		}
	})
	return all, cmp.Or(fails, context.Cause(ctx))
}

// followers lists the commits of the bases that may follow from one. What leads
// to a commit is in its base and those below it, so that a base without it below
// has none, and neither has the one that it is the tip of.
func (r *Repo) followers(from OID) []OID {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.table == nil {
		return nil
	}
	var ids []OID
	for _, b := range r.table.bases {
		if b.tip == from || !from.IsZero() && r.table.whole(b) && !r.table.leadsTo(b, from) {
			continue
		}
		for i, id := range b.pack.index.ids {
			if b.pack.index.offsets[i] < b.ends[0].end {
				ids = append(ids, id)
			}
		}
	}
	slices.SortFunc(ids, compareIDs)
	return slices.Compact(ids) // a former base may still be there
}

// leadsTo reports whether a commit is in a base or in one below it.
func (t *table) leadsTo(b *base, commit OID) bool {
	for range len(t.bases) {
		if b == nil || b.hasCommit(commit) {
			break
		}
		b = t.tipped(b.onto)
	}
	return b != nil && b.hasCommit(commit)
}
