package gitstore

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// packsAndObjects is a selection without plan.
type packsAndObjects struct {
	r *Repo

	whole []*pack // copied from the first object to the last
	some  []OID   // the others, each in none of whole
	count int
}

// Select finds what a client needs to have the commit want, if it has all of
// the commits have with everything they need. Commits that the repository does
// not have are no use in have: ask [Repo.Reaches] first.
//
// For a clone that is every pack whose commit is in the history, whole: a pack
// holds just what its commit brought. Packs of saves that lost a race for the
// head are left out, for their pages were never part of the wiki.
func (r *Repo) Select(ctx context.Context, want OID, have []OID) (*Selection, error) {
	s := &packsAndObjects{r: r}
	if len(have) == 0 {
		return &Selection{old: s}, s.everything(ctx, want)
	}
	commits, err := r.missing(ctx, want, have)
	if err != nil {
		return nil, err
	}
	return &Selection{old: s}, s.pick(ctx, commits)
}

// everything selects the whole history of a commit.
func (s *packsAndObjects) everything(ctx context.Context, want OID) error {
	history, err := s.r.historyOf(ctx, want)
	if err != nil {
		return err
	}
	whole := map[*pack]bool{}
	var rest []*Commit
	for id := range history {
		at, err := s.r.locate(ctx, id)
		if err != nil {
			return s.r.explain(err, "commit", id)
		}
		if at.pack != nil && named(at.pack, history) {
			whole[at.pack] = true
			continue
		}
		// Written by plain git: nothing says what else is in its pack.
		c, err := s.r.Commit(ctx, id)
		if err != nil {
			return err
		}
		rest = append(rest, c)
	}
	for p := range whole {
		s.whole = append(s.whole, p)
	}
	// The largest first: it is copied without looking at its entries.
	slices.SortFunc(s.whole, func(a, b *pack) int {
		return cmp.Or(-cmp.Compare(len(a.index.ids), len(b.index.ids)), strings.Compare(a.name, b.name))
	})
	s.countWhole()
	return s.pick(ctx, rest)
}

// named reports whether a pack is named after a commit of the history.
func named(p *pack, history map[OID]bool) bool {
	var id OID
	return parseID(&id, []byte(strings.TrimPrefix(p.name, "pack-"))) == nil && history[id]
}

// countWhole counts each object once, though it may be in several packs.
func (s *packsAndObjects) countWhole() {
	seen := map[OID]bool{}
	for i, p := range s.whole {
		if i == 0 {
			s.count = len(p.index.ids)
			continue
		}
		for _, id := range p.index.ids {
			if _, ok := s.whole[0].index.find(id); ok || seen[id] {
				continue
			}
			seen[id] = true
			s.count++
		}
	}
}

// pick selects what each of the commits brought that its parents lack.
func (s *packsAndObjects) pick(ctx context.Context, commits []*Commit) error {
	seen := map[OID]bool{}
	add := func(id OID) bool {
		if seen[id] || s.inWhole(id) {
			return false
		}
		seen[id] = true
		s.some = append(s.some, id)
		return true
	}
	for _, c := range commits {
		add(c.ID)
		before := make([]OID, 0, len(c.Parents))
		for _, p := range c.Parents {
			pc, err := s.r.Commit(ctx, p)
			if err != nil {
				return err
			}
			before = append(before, pc.Tree)
		}
		if err := s.pickTree(ctx, c.Tree, before, add, 0); err != nil {
			return err
		}
	}
	s.count += len(s.some)
	return nil
}

func (s *packsAndObjects) inWhole(id OID) bool {
	for _, p := range s.whole {
		if _, ok := p.index.find(id); ok {
			return true
		}
	}
	return false
}

// pickTree adds a tree and what is in it, except what is at the same place in a
// tree of before.
func (s *packsAndObjects) pickTree(ctx context.Context, id OID, before []OID, add func(OID) bool, depth int) error {
	if slices.Contains(before, id) || !add(id) {
		return nil
	}
	if depth > maxTreeDepth {
		return s.r.explain(errDamaged, "tree", id)
	}
	t, err := s.r.Tree(ctx, id)
	if err != nil {
		return err
	}
	old := make([]*Tree, 0, len(before))
	for _, b := range before {
		bt, err := s.r.Tree(ctx, b)
		if err != nil {
			return err
		}
		old = append(old, bt)
	}
	for _, e := range t.Entries {
		known := false
		var below []OID
		for _, o := range old {
			if oe, ok := o.Entry(e.Name); ok {
				known = known || oe.ID == e.ID
				if oe.Mode == filemode.Dir {
					below = append(below, oe.ID)
				}
			}
		}
		switch {
		case known || e.Mode == filemode.Submodule:
		case e.Mode == filemode.Dir:
			if err := s.pickTree(ctx, e.ID, below, add, depth+1); err != nil {
				return err
			}
		default:
			add(e.ID)
		}
	}
	return nil
}

func (s *packsAndObjects) write(ctx context.Context, w io.Writer) error {
	if len(s.whole) == 1 && len(s.some) == 0 {
		return s.writeFile(ctx, w, s.whole[0])
	}
	c, err := newCopier(s.r, w, s.count)
	if err != nil {
		return err
	}
	for i, p := range s.whole {
		if i == 0 {
			err = c.verbatim(ctx, p)
		} else {
			err = c.all(ctx, p)
		}
		if err != nil {
			return err
		}
	}
	if err := s.writeSome(ctx, c); err != nil {
		return err
	}
	if c.count != s.count {
		return errors.New("write pack: the number of objects is not what was announced")
	}
	return c.finish()
}

// writeFile sends a pack just as it is on disk.
func (s *packsAndObjects) writeFile(ctx context.Context, w io.Writer, p *pack) error {
	return p.file.use(func(f readFile) error {
		st, err := f.Stat()
		if err != nil {
			return err
		}
		return copyRange(ctx, w, f, 0, st.Size())
	})
}

func copyRange(ctx context.Context, w io.Writer, f io.ReaderAt, from, to int64) error {
	buf := make([]byte, 128<<10)
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(int64(len(buf)), to-from)]
		if _, err := f.ReadAt(b, from); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		from += int64(len(b))
	}
	return nil
}

// writeSome copies single entries, in the order in which they lie on disk.
func (s *packsAndObjects) writeSome(ctx context.Context, c *copier) error {
	byPack := map[*pack][]span{}
	for _, id := range s.some {
		at, err := s.r.locate(ctx, id)
		if err != nil {
			return err
		}
		if at.pack == nil {
			o, err := s.r.object(ctx, id)
			if err == nil {
				err = c.object(id, o)
			}
			if err != nil {
				return err
			}
			continue
		}
		byPack[at.pack] = append(byPack[at.pack], span{id: id, start: at.off})
	}
	for p, picked := range byPack {
		spans, err := p.layout()
		if err != nil {
			return err
		}
		slices.SortFunc(picked, compareSpans)
		for _, one := range picked {
			i, _ := slices.BinarySearchFunc(spans, one, compareSpans)
			if err := c.entry(ctx, p, spans, i); err != nil {
				return err
			}
		}
	}
	return nil
}

func compareSpans(a, b span) int { return cmp.Compare(a.start, b.start) }
