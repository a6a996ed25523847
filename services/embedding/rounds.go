package embedding

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"wikibot.io/pkg/fault"
)

// Round is how far one call of a round through all wikis came.
type Round struct {
	Wikis int    `json:"wikis"`           // that it is done with
	Left  int    `json:"left"`            // that it did not come to
	Wrong int    `json:"wrong"`           // of those done, the ones with trouble; the log says which
	After string `json:"after,omitempty"` // where the next call begins; "" when none is left
}

// reserve is the part of a call's time that is kept for giving a lease back and
// saying how far it came: a quarter, ten seconds at most.
func reserve(remaining time.Duration) time.Duration { return min(remaining/4, 10*time.Second) }

// shown bounds the problems of one wiki that are logged: a record of the log has a
// bound, too, and what is beyond it is cut off without a word.
const shown = 50

// Rounds are what the service does with all wikis when an operator tells it to, by
// name, from the wiki that follows "after" on. The result is a [Round]; an error says
// that no wiki was looked at. Visitors need not be kept away.
func (s *Service) Rounds() map[string]func(ctx context.Context, after string) (any, error) {
	return map[string]func(context.Context, string) (any, error){
		"maintain": func(ctx context.Context, after string) (any, error) { return s.round(ctx, after, s.maintain) },
		"fsck":     func(ctx context.Context, after string) (any, error) { return s.round(ctx, after, s.fsck) },
	}
}

// round calls do for one wiki after the other until the time is up. A wiki that is in
// trouble does not keep the others from it.
func (s *Service) round(ctx context.Context, after string, do func(context.Context, string) (well bool, err error)) (Round, error) {
	ids, err := s.deps.Keeper.Wikis(ctx)
	if err != nil {
		return Round{}, err
	}
	at, found := slices.BinarySearch(ids, after)
	if found {
		at++
	}
	r := Round{Left: len(ids) - at, After: after}
	working, stop := inTime(ctx)
	defer stop()
	for i, id := range ids[at:] {
		well, err := do(working, id)
		if i > 0 && err != nil && working.Err() != nil {
			return r, nil // not its own fault: the next call begins with it
		}
		if err != nil {
			s.deps.Log.ErrorContext(ctx, "wiki is passed over", "wiki", id, "err", err)
		}
		if err != nil || !well {
			r.Wrong++
		}
		// Also if it took the whole time to no end: the next call would begin with it
		// for ever.
		r.Wikis, r.Left, r.After = r.Wikis+1, r.Left-1, id
		if working.Err() != nil {
			break
		}
	}
	if r.Left == 0 {
		r.After = ""
	}
	return r, nil
}

// inTime ends the context while there is time left to say so.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-reserve(time.Until(deadline))))
}

// maintain folds what there is to fold, and removes what may be removed. A folder
// without a record is reconciling's business.
func (s *Service) maintain(ctx context.Context, wiki string) (bool, error) {
	r, err := s.deps.Keeper.Tend(ctx, wiki, true)
	if fault.Is(err, fault.NotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	s.deps.Log.InfoContext(ctx, "wiki is maintained", "wiki", wiki, "slug", r.Slug, "folded", r.Folded, "busy", r.Busy,
		"pruned", r.Pruned, "bases", len(r.Bases))
	return true, nil
}

// fsck reads all there is of a wiki.
func (s *Service) fsck(ctx context.Context, wiki string) (bool, error) {
	v, err := s.deps.Keeper.Check(ctx, wiki)
	if fault.Is(err, fault.NotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	level, found := slog.LevelInfo, len(v.Problems)
	if found > 0 {
		level = slog.LevelWarn
	}
	s.deps.Log.Log(ctx, level, "wiki is checked", "wiki", wiki, "slug", v.Slug, "head", v.Head, "packs", v.Packs,
		"objects", v.Objects, "reachable", v.Reachable, "bases", v.Bases, "loose", v.Loose, "unreachable", v.Unreachable,
		"found", found, "problems", v.Problems[:min(found, shown)])
	return found == 0, nil
}
