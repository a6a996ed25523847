package upkeep

import (
	"context"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
)

// Verdict is what Check found of one wiki.
type Verdict struct {
	WikiID      string   `json:"wiki"`
	Slug        string   `json:"slug,omitempty"`
	Head        string   `json:"head"`
	Packs       int      `json:"packs"`
	Objects     int      `json:"objects"`
	Reachable   int      `json:"reachable"`   // objects that the head needs
	Bases       int      `json:"bases"`       // packs that the record names
	Loose       int      `json:"loose"`       // packs that no base replaces yet
	Unreachable int      `json:"unreachable"` // packs of saves that never landed
	Problems    []string `json:"problems"`    // empty: all is well
}

// fresh is the age up to which a step may still be about to be mirrored.
const fresh = time.Minute

// Check reads the whole repository of a wiki, compares it with itself
// ([gitstore.Repo.Check]) and with the record, and changes nothing. The wiki may be
// in use: what a save or a fold is in the middle of may look like a problem, so only
// what is found twice is one. NotFound when there is no such wiki.
func (k *Keeper) Check(ctx context.Context, wikiID string) (Verdict, error) {
	v, err := k.look(ctx, wikiID)
	if err != nil || len(v.Problems) > 0 {
		return k.look(ctx, wikiID)
	}
	return v, nil
}

func (k *Keeper) look(ctx context.Context, wikiID string) (Verdict, error) {
	v := Verdict{WikiID: wikiID, Problems: []string{}}
	w, err := k.deps.Records.Wiki(ctx, wikiID)
	if err != nil {
		return v, err
	}
	v.Slug, v.Head, v.Bases = w.Slug, w.Head, len(w.BasePacks)
	repo, err := k.deps.Git.Repo(ctx, wikiID)
	switch {
	case fault.Is(err, fault.NotFound) && w.Head == "":
		return v, nil // nothing was written yet
	case fault.Is(err, fault.NotFound):
		v.Problems = append(v.Problems, "the record names the head "+w.Head+", but there is no repository")
		return v, nil
	case err != nil:
		return v, err
	}
	if err := k.mirrored(ctx, repo, w, &v); err != nil {
		return v, err
	}
	if w.Head == "" {
		return v, nil
	}
	found, err := repo.Check(ctx, plumbing.NewHash(w.Head), w.BasePacks)
	v.Packs, v.Objects, v.Reachable = found.Packs, found.Objects, found.Reachable
	v.Loose, v.Unreachable = found.Loose, found.Unreachable
	v.Problems = append(v.Problems, found.Problems...)
	return v, err
}

// mirrored compares what plain git takes for the head with the record.
func (k *Keeper) mirrored(ctx context.Context, repo *gitstore.Repo, w records.Wiki, v *Verdict) error {
	mirror, err := repo.MirrorHead(ctx)
	if err != nil || mirror == plumbing.NewHash(w.Head) || k.deps.Now().Sub(w.HeadAt) < fresh {
		return err
	}
	says := mirror.String()
	if mirror.IsZero() {
		says = "nothing"
	}
	v.Problems = append(v.Problems, "refs/heads/main says "+says+", the record says "+w.Head+": the next save brings it up")
	return nil
}
