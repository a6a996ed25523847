package wiki

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/tier"
)

// Outcome is what Reconcile made of a wiki.
type Outcome string

// The outcomes.
const (
	Agrees   Outcome = "agrees"    // record and repository say the same
	Back     Outcome = "back"      // the repository is older: the record went back to what is there
	Forward  Outcome = "forward"   // the record is older: it went forward to what is there
	Orphan   Outcome = "orphan"    // a folder without a record
	Lost     Outcome = "lost"      // no commit is whole
	TakenOff Outcome = "taken off" // the record went to a commit that does not follow from its own
)

// Reconciliation says what Reconcile found and did.
type Reconciliation struct {
	WikiID  string  `json:"wiki"`
	Slug    string  `json:"slug,omitempty"`
	Outcome Outcome `json:"outcome"`
	Was     string  `json:"was,omitempty"` // the record's head before
	Now     string  `json:"now,omitempty"` // and after
}

// maxWayBack bounds how many commits behind a damaged one are tried.
const maxWayBack = 1000

// Reconcile brings record and repository of a wiki together after they were
// restored from backups of different times. The newest commit that is whole
// becomes the head: the record names one, the mirror names one, and the packs on
// disk tell which saves followed. The published index is made one of the head's
// own history. Run it before the wiki is written to again: a save onto an older
// head begins a branch of its own, and what only the repository knew is forgotten
// then. Running it again changes nothing.
func (e *Engine) Reconcile(ctx context.Context, wikiID string) (Reconciliation, error) {
	out := Reconciliation{WikiID: wikiID}
	w, err := e.records.Wiki(ctx, wikiID)
	if fault.Is(err, fault.NotFound) {
		out.Outcome = Orphan
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Slug, out.Was, out.Now = w.Slug, w.Head, w.Head
	repo, err := e.git.Repo(ctx, wikiID)
	if fault.Is(err, fault.NotFound) {
		out.Outcome = Lost
		if w.Head == "" {
			out.Outcome = Agrees
		}
		return out, nil
	}
	if err != nil {
		return out, err
	}
	mirror, err := repo.MirrorHead(ctx)
	if err != nil {
		return out, err
	}
	r := reconciler{e: e, repo: repo, wikiID: wikiID}
	head, sum, err := r.choose(ctx, plumbing.NewHash(w.Head), mirror)
	if err == nil {
		head, sum, err = r.newest(ctx, w, head, sum)
	}
	if err != nil {
		return out, err
	}
	if head.IsZero() {
		out.Outcome = Lost
		if w.Head == "" {
			out.Outcome = Agrees
		}
		return out, nil
	}
	if head.String() == w.Head {
		out.Outcome = Agrees
		e.settle(ctx, repo, w)
		return out, nil
	}
	if out.Outcome, err = r.direction(ctx, plumbing.NewHash(w.Head), head); err != nil {
		return out, err
	}
	next, err := e.moveTo(ctx, w, head.String(), sum)
	if err != nil {
		return out, err
	}
	out.Now = next.Head
	e.settle(ctx, repo, next)
	return out, nil
}

// settle brings what is derived from a reconciled head in line with it. The head
// is right whatever becomes of this: a mirror that could not be written is looked
// at by the next request, and without an index that serves each process builds
// one.
func (e *Engine) settle(ctx context.Context, repo *gitstore.Repo, w records.Wiki) {
	e.noteMirror(ctx, w, repo.MirrorBack(ctx, plumbing.NewHash(w.Head), w.Sequence))
	e.index.Forget(w.ID)
	if err := e.index.Republish(ctx, w.ID); err != nil {
		e.log.WarnContext(ctx, "publish the index of a reconciled wiki", "wiki", w.ID, "head", w.Head, "err", err)
	}
}

// ReconcileAll reconciles every wiki that has a folder and hands each finding to
// report. A wiki that cannot be reconciled does not keep the others from it: its
// error is among those returned. Wikis without a folder are not seen.
func (e *Engine) ReconcileAll(ctx context.Context, report func(Reconciliation)) error {
	ids, err := e.git.Wikis(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for i, id := range ids {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, fault.Wrap(err, fault.Unavailable, "reconcile wikis: stopped after %d of %d", i, len(ids)))...)
		}
		r, err := e.Reconcile(ctx, id)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		report(r)
	}
	return errors.Join(errs...)
}

// moveTo swaps the head for a commit that is there already.
func (e *Engine) moveTo(ctx context.Context, w records.Wiki, head string, sum Survey) (records.Wiki, error) {
	now := e.now().UTC()
	env, err := events.New(now, w.ID, &events.Actor{Name: system.Name, Agent: system.Agent},
		&eventsv1.PageSaved{Commit: &eventsv1.Commit{OldHead: w.Head, NewHead: head}})
	if err != nil {
		return w, err
	}
	return e.records.AdvanceHead(ctx, records.HeadChange{
		WikiID: w.ID, Old: w.Head, New: head, At: now,
		PageDelta: sum.Pages - w.PageCount, FileDelta: sum.FileBytes - w.FileBytes, Event: env,
	})
}

type reconciler struct {
	e      *Engine
	repo   *gitstore.Repo
	wikiID string
}

// choose returns the newest whole commit that the record or the mirror names, or
// one behind them; zero if there is none.
func (r reconciler) choose(ctx context.Context, record, mirror gitstore.OID) (gitstore.OID, Survey, error) {
	first, second := record, mirror
	ahead, err := r.follows(ctx, mirror, record)
	if err != nil {
		return gitstore.OID{}, Survey{}, err
	}
	if ahead {
		first, second = mirror, record
	}
	var none gitstore.OID
	for _, from := range []gitstore.OID{first, second} {
		id, sum, err := r.wholeAt(ctx, from)
		if err != nil || id != none {
			return id, sum, err
		}
	}
	return none, Survey{}, nil
}

// newest returns the whole commit that most saves led to from one: the mirror may
// be older than the packs, since a backup copies files one by one. A save that
// nobody built on may be one that was never acknowledged, but its loss would be
// worse than its landing late, unless the wiki's limits refused it.
func (r reconciler) newest(ctx context.Context, w records.Wiki, from gitstore.OID, sum Survey) (gitstore.OID, Survey, error) {
	later, err := r.repo.Descendants(ctx, from)
	if err != nil {
		return from, sum, err
	}
	for _, d := range later {
		then, err := r.e.Survey(ctx, r.wikiID, d.ID.String())
		if damaged(err) {
			continue
		}
		if err != nil {
			return from, sum, err
		}
		if !d.Continued {
			no, err := r.refused(ctx, w, d, then)
			if err != nil {
				return from, sum, err
			}
			if no {
				continue
			}
		}
		return d.ID, then, nil
	}
	return from, sum, nil
}

// refused tells whether a save would have been beyond the wiki's limits.
func (r reconciler) refused(ctx context.Context, w records.Wiki, d gitstore.Descendant, then Survey) (bool, error) {
	var before Survey
	if !d.Parent.IsZero() {
		var err error
		before, err = r.e.Survey(ctx, r.wikiID, d.Parent.String())
		if damaged(err) {
			return false, nil // adopted without its history, or no longer whole
		}
		if err != nil {
			return false, err
		}
	}
	limits := tier.Of(w.Tier)
	c := records.HeadChange{
		WikiID: w.ID, PageDelta: then.Pages - before.Pages, FileDelta: then.FileBytes - before.FileBytes,
		MaxPages: limits.Pages, MaxBytes: limits.FileBytes,
	}
	return fault.Is(c.CheckLimits(records.Wiki{PageCount: then.Pages, FileBytes: then.FileBytes}), fault.Limit), nil
}

// wholeAt returns the first commit from id back that is whole.
func (r reconciler) wholeAt(ctx context.Context, id gitstore.OID) (gitstore.OID, Survey, error) {
	var none gitstore.OID
	for range maxWayBack {
		if id.IsZero() {
			break
		}
		c, err := r.repo.Commit(ctx, id)
		if damaged(err) {
			break // nothing behind it is known either
		}
		if err != nil {
			return none, Survey{}, err
		}
		sum, err := r.e.Survey(ctx, r.wikiID, id.String())
		if err == nil {
			return id, sum, nil
		}
		if !damaged(err) {
			return none, Survey{}, err
		}
		if len(c.Parents) == 0 {
			break
		}
		id = c.Parents[0]
	}
	return none, Survey{}, nil
}

// damaged tells what is not there, or not as it was written, from a disk that
// does not answer: only the first is a reason to go back.
func damaged(err error) bool {
	return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Internal)
}

// follows reports whether b is an ancestor of a. Where a commit between them, or
// one of the two, is missing, nothing follows.
func (r reconciler) follows(ctx context.Context, a, b gitstore.OID) (bool, error) {
	if a.IsZero() || b.IsZero() || a == b {
		return false, nil
	}
	later, err := r.repo.Follows(ctx, a, b)
	if damaged(err) {
		return false, nil
	}
	return later, err
}

func (r reconciler) direction(ctx context.Context, was, now gitstore.OID) (Outcome, error) {
	if was.IsZero() {
		return Forward, nil
	}
	if ahead, err := r.follows(ctx, now, was); ahead || err != nil {
		return Forward, err
	}
	if _, err := r.repo.Commit(ctx, was); damaged(err) {
		return Back, nil // it is gone, so whether this one led to it cannot be asked
	}
	if back, err := r.follows(ctx, was, now); back || err != nil {
		return Back, err
	}
	return TakenOff, nil
}
