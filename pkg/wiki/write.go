package wiki

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/tier"
)

// Result is what a write did.
type Result struct {
	Path      string   `json:"path"`                // as stored
	Revision  string   `json:"revision"`            // 40 hex: the new head, or the present one if Unchanged
	Created   bool     `json:"created,omitempty"`   // the page is new
	Merged    bool     `json:"merged,omitempty"`    // the page had changed since Base, elsewhere in the text
	Unchanged bool     `json:"unchanged,omitempty"` // the content was the same: no commit
	Relinked  []string `json:"relinked,omitempty"`  // pages whose links a rename rewrote
}

// intent is what a writer wants done to one snapshot. It is drawn up anew when
// the head has moved meanwhile.
type intent struct {
	puts      []put
	removes   []string // file paths
	moves     []move
	pageDelta int64
	fileDelta int64
	message   string
	data      func(*eventsv1.Commit) any // the event's data
	changes   []*eventsv1.PageChange
	result    Result // Revision is filled in
}

type put struct {
	file    string
	content []byte
}

type move struct {
	entry    gitstore.Entry
	from, to string // file paths
}

// planner draws up an intent against a snapshot; a nil intent with a Result
// means that there is nothing to write.
type planner func(ctx context.Context, w records.Wiki, s *snapshot) (*intent, Result, error)

// request is what every write carries.
type request struct {
	author         Author
	idempotencyKey string
	fingerprint    any // the whole request, for the idempotency check
}

// maxAttempts bounds how often a write starts over because writers in other
// processes moved the head first. Each failed attempt means that another write
// landed, so running out of them takes a very busy wiki, not bad luck.
const maxAttempts = 40

// write is the one write path: plan against the head, put the objects on stable
// storage, swap the head together with its counters and its event, mirror.
func (e *Engine) write(ctx context.Context, w records.Wiki, req request, plan planner) (Result, error) {
	idem, done, err := e.recall(ctx, w.ID, req)
	if done != nil || err != nil {
		return deref(done), err
	}
	if w, err = e.Begun(ctx, w); err != nil {
		return Result{}, err
	}
	res, landed, err := e.inTurn(ctx, w, req, idem, plan)
	if err != nil || res.Unchanged {
		return res, err
	}
	e.mirror(ctx, landed)
	return res, nil
}

// inTurn lands a write when the writers ahead are done. It leaves the queue even
// if a plan panics, or nobody could write to the wiki any more.
func (e *Engine) inTurn(ctx context.Context, w records.Wiki, req request, idem *records.Idempotency, plan planner) (Result, records.Wiki, error) {
	q, err := e.writers.enter(ctx, w.ID)
	if err != nil {
		return Result{}, w, fault.Wrap(err, fault.Unavailable, "write to wiki %s: gave up waiting for the writers ahead", w.Slug)
	}
	defer e.writers.leave(w.ID, q)
	res, landed, err := e.land(ctx, newer(w, q.last), req, idem, plan)
	q.last = landed
	return res, landed, err
}

// land tries to commit until the head stands still for it.
func (e *Engine) land(ctx context.Context, w records.Wiki, req request, idem *records.Idempotency, plan planner) (Result, records.Wiki, error) {
	for range maxAttempts {
		s, err := e.at(ctx, w)
		if err != nil {
			return Result{}, w, err
		}
		in, res, err := plan(ctx, w, s)
		if err != nil {
			// The caller's record may be older than what the caller knows of.
			if now, fresh := e.records.Wiki(ctx, w.ID); fresh == nil && now.Sequence > w.Sequence {
				w = now
				continue
			}
			// A repeated request may fail on what its first copy has just done.
			if _, done, again := e.recall(ctx, w.ID, req); done != nil || again != nil {
				return deref(done), w, again
			}
			return Result{}, w, err
		}
		if in == nil {
			// There may be nothing left to do because the first copy of this very
			// request has just done it.
			if _, done, err := e.recall(ctx, w.ID, req); done != nil || err != nil {
				return deref(done), w, err
			}
			res.Unchanged, res.Revision = true, w.Head
			return res, w, nil
		}
		next, res, err := e.commit(ctx, w, s, req.author, idem, in)
		if moved, ok := errors.AsType[*records.HeadMovedError](err); ok {
			w = moved.Current
			continue
		}
		if idem != nil && fault.Is(err, fault.Exists) {
			// The same request raced itself and the other copy was first.
			_, done, err := e.recall(ctx, w.ID, req)
			return deref(done), w, err
		}
		return res, next, err
	}
	return Result{}, w, fault.New(fault.Unavailable, "write to wiki %s: too many writers at once", w.Slug)
}

// commit writes the objects of one intent and swaps the head.
func (e *Engine) commit(ctx context.Context, w records.Wiki, s *snapshot, by Author, idem *records.Idempotency, in *intent) (records.Wiki, Result, error) {
	repo, err := e.repoFor(ctx, w)
	if err != nil {
		return w, Result{}, err
	}
	now := e.now().UTC().Truncate(time.Second)
	batch := repo.NewBatch()
	tree, err := batch.Apply(ctx, s.root.ID, in.edits(batch))
	if err != nil {
		return w, Result{}, err
	}
	c := gitstore.Commit{Tree: tree, Message: withTrailers(in.message, by)}
	c.Author = gitstore.Signature{Name: signatureText(by.Name), Email: signatureText(by.Email), When: now}
	c.Committer = c.Author
	if w.Head != "" {
		c.Parents = []gitstore.OID{plumbing.NewHash(w.Head)}
	}
	id := batch.Commit(c).String()
	if err := batch.Flush(ctx); err != nil {
		return w, Result{}, err
	}
	res := in.result
	res.Revision = id
	change, err := headChange(w, id, now, by, in)
	if err != nil {
		return w, Result{}, err
	}
	if idem != nil {
		stored, err := json.Marshal(res)
		if err != nil {
			return w, Result{}, err
		}
		change.Idempotency = &records.Idempotency{Key: idem.Key, Fingerprint: idem.Fingerprint, Result: stored}
	}
	next, err := e.records.AdvanceHead(ctx, change)
	if err != nil {
		next, err = e.outcome(ctx, repo, w, id, err)
	}
	if err != nil {
		return w, Result{}, err
	}
	return next, res, nil
}

// repoFor opens the repository to write to. Only a wiki without a commit may be
// without one: where another's is gone, so is the wiki, and its folder must not
// come back.
func (e *Engine) repoFor(ctx context.Context, w records.Wiki) (*gitstore.Repo, error) {
	if w.Head == "" {
		return e.git.Create(ctx, w.ID)
	}
	repo, err := e.git.Repo(ctx, w.ID)
	return repo, missing(err, "open the repository of wiki %s", w.ID)
}

// clearAway removes the files of a wiki that was deleted while a writer put some
// there: whoever removed those that were there before may have come and gone.
func (e *Engine) clearAway(ctx context.Context, wikiID string) {
	if err := e.Remove(context.WithoutCancel(ctx), wikiID); err != nil {
		e.log.WarnContext(ctx, "remove the files of a deleted wiki", "wiki", wikiID, "err", err)
	}
}

// outcome tells what became of a step that was answered with an error. It may
// have been taken all the same: the answer may have been lost on its way, and a
// driver that then tries again finds that the head has moved, by its own hand.
func (e *Engine) outcome(ctx context.Context, repo *gitstore.Repo, was records.Wiki, head string, err error) (records.Wiki, error) {
	if moved, ok := errors.AsType[*records.HeadMovedError](err); ok {
		// Who only lost a race need not read what the winners wrote: a driver that
		// cannot tell its own step from another's says Unavailable.
		if moved.Current.Head == head {
			return moved.Current, nil
		}
		return was, err
	}
	if fault.Is(err, fault.Unavailable) {
		now, look := e.records.Wiki(context.WithoutCancel(ctx), was.ID)
		if look == nil && e.leadsTo(ctx, repo, now, was, head) {
			return now, nil
		}
		if fault.Is(look, fault.NotFound) {
			err = look
		}
	}
	if fault.Is(err, fault.NotFound) {
		e.clearAway(ctx, was.ID)
	}
	return was, err
}

// leadsTo tells whether one of the steps that led from a record to a later one
// was to head: others may have built on it. A step is a commit, so no more are
// read than there were steps.
func (e *Engine) leadsTo(ctx context.Context, repo *gitstore.Repo, now, was records.Wiki, head string) bool {
	at := now.Head
	for range now.Sequence - was.Sequence {
		if at == head {
			return true
		}
		c, err := repo.Commit(context.WithoutCancel(ctx), plumbing.NewHash(at))
		if err != nil || len(c.Parents) == 0 {
			return false
		}
		at = c.Parents[0].String()
	}
	return false
}

func headChange(w records.Wiki, head string, now time.Time, by Author, in *intent) (records.HeadChange, error) {
	limits := tier.Of(w.Tier)
	commit := &eventsv1.Commit{OldHead: w.Head, NewHead: head, Changes: in.changes}
	actor := &events.Actor{UserId: by.UserID, Name: by.Name, Agent: by.Agent}
	env, err := events.New(now, w.ID, actor, in.data(commit))
	if err != nil {
		return records.HeadChange{}, err
	}
	return records.HeadChange{
		WikiID: w.ID, Old: w.Head, New: head, At: now,
		PageDelta: in.pageDelta, FileDelta: in.fileDelta,
		MaxPages: limits.Pages, MaxBytes: limits.FileBytes,
		Event: env,
	}, nil
}

// recall finds the answer to a repeated request. With no answer it returns the
// key under which this one's will be kept, or nil if the caller gave none.
func (e *Engine) recall(ctx context.Context, wikiID string, req request) (*records.Idempotency, *Result, error) {
	if req.idempotencyKey == "" {
		return nil, nil, nil
	}
	if len(req.idempotencyKey) > 200 {
		return nil, nil, fault.Invalidf("idempotency_key", "is longer than 200 bytes")
	}
	whole, err := json.Marshal(req.fingerprint)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(whole)
	idem := &records.Idempotency{
		Key:         req.author.UserID + "/" + req.idempotencyKey,
		Fingerprint: hex.EncodeToString(sum[:]),
	}
	stored, err := e.records.IdempotentResult(ctx, wikiID, idem.Key, idem.Fingerprint)
	if fault.Is(err, fault.NotFound) {
		return idem, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var done Result
	if err := json.Unmarshal(stored, &done); err != nil {
		return nil, nil, fault.Wrap(err, fault.Internal, "read the stored answer to a repeated request")
	}
	return idem, &done, nil
}

func deref(r *Result) Result {
	if r == nil {
		return Result{}
	}
	return *r
}

func (in *intent) edits(b *gitstore.Batch) []gitstore.Edit {
	edits := make([]gitstore.Edit, 0, len(in.puts)+len(in.removes)+2*len(in.moves))
	for _, path := range in.removes {
		edits = append(edits, gitstore.Edit{Path: path})
	}
	for _, m := range in.moves {
		edits = append(edits, gitstore.Edit{Path: m.from})
	}
	for _, m := range in.moves {
		edits = append(edits, gitstore.Edit{Path: m.to, Mode: m.entry.Mode, ID: m.entry.ID})
	}
	for _, p := range in.puts {
		edits = append(edits, gitstore.Edit{Path: p.file, Mode: regular, ID: b.Blob(p.content)})
	}
	return edits
}
