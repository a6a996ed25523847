package gitstore

import (
	"context"
	"slices"

	"wikibot.io/pkg/fault"
)

// wholeHistory is the depth by which git asks for all (git fetch --unshallow).
const wholeHistory = 1<<31 - 1

// Boundary computes the edge of the shallow clone that a fetch asks for. Without
// a Deepen it is empty. A Since or a Not that leaves no commit is fault.Invalid.
func (h *History) Boundary(ctx context.Context, f Fetch) (Boundary, error) {
	d := f.Deepen
	if d.IsZero() {
		return Boundary{}, nil
	}
	var shallow []OID // those of the client's that are ours, each once
	known := map[OID]bool{}
	for _, id := range f.Shallow {
		if !known[id] && h.Has(id) {
			known[id] = true
			shallow = append(shallow, id)
		}
	}
	var e extent
	var err error
	switch {
	case d.Depth < 0:
		return Boundary{}, fault.New(fault.Invalid, "fetch: depth %d is not a positive number", d.Depth)
	case d.Depth >= wholeHistory:
		return Boundary{Unshallow: shallow}, nil
	case d.Depth > 0 && d.Relative:
		e, err = h.within(ctx, shallow, d.Depth+1)
	case d.Depth > 0:
		e, err = h.within(ctx, h.Common(f.Wants), d.Depth)
	default:
		e, err = h.after(ctx, f)
	}
	if err != nil {
		return Boundary{}, err
	}
	b := Boundary{Shallow: slices.DeleteFunc(e.border, func(id OID) bool { return known[id] })}
	for _, id := range shallow {
		if e.inside[id] {
			b.Unshallow = append(b.Unshallow, id)
		}
	}
	return b, nil
}

// extent divides the commits that a shallow clone has.
type extent struct {
	border []OID        // the client has them without their parents
	inside map[OID]bool // all others
}

// within goes back from some commits until it has gone through depth of them. Like
// git it calls the last ones the border even if they have no parents.
func (h *History) within(ctx context.Context, from []OID, depth int) (extent, error) {
	e := extent{inside: map[OID]bool{}}
	seen := map[OID]bool{}
	var level []OID
	add := func(id OID) {
		if !seen[id] {
			seen[id] = true
			level = append(level, id)
		}
	}
	for _, id := range from {
		add(id)
	}
	for ; depth > 1 && len(level) > 0; depth-- {
		now := level
		level = nil
		for _, id := range now {
			if len(e.inside)%1024 == 0 && ctx.Err() != nil {
				return extent{}, ctx.Err()
			}
			n, err := h.node(ctx, id)
			if err != nil {
				return extent{}, err
			}
			e.inside[id] = true
			for _, p := range n.parents {
				add(p)
			}
		}
	}
	e.border = level
	return e, nil
}

// after takes the commits that the wants lead to, without those that Deepen.Not
// leads to, and without those older than Since and all that these lead to.
func (h *History) after(ctx context.Context, f Fetch) (extent, error) {
	p := newPainter(ctx, h)
	if !f.Deepen.Since.IsZero() {
		p.since = f.Deepen.Since.Unix()
	}
	for _, id := range h.Common(f.Deepen.Not) {
		if err := p.push(id, true); err != nil {
			return extent{}, err
		}
	}
	for _, id := range h.Common(f.Wants) {
		if err := p.push(id, false); err != nil {
			return extent{}, err
		}
	}
	found, err := p.run()
	if err != nil {
		return extent{}, err
	}
	if len(found) == 0 {
		return extent{}, fault.New(fault.Invalid, "no commits selected for shallow requests")
	}
	e := extent{inside: make(map[OID]bool, len(found))}
	for _, c := range found {
		if slices.ContainsFunc(c.parents, func(id OID) bool { return p.seen[id].theirs }) {
			e.border = append(e.border, c.id)
		} else {
			e.inside[c.id] = true
		}
	}
	return e, nil
}
