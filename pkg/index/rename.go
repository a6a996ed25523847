package index

import (
	"bytes"
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"strings"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/pagepath"
)

// Bounds of the search for edited renames in one commit.
const (
	maxCandidates = 200     // removed and added pages compared, the smallest ones
	maxCompared   = 1 << 20 // bytes of a page that is compared at all
)

// pair is a page that a commit renamed.
type pair struct{ from, to delta }

// renames pairs pages that a commit removed with pages that it added: first
// those of the same content; then, of one commit of ours that removes and adds a
// single page, those two, because nothing but a rename does that; then those
// that share at least half of their lines. It returns the pairs, sorted by new
// path, and what remains unpaired.
func renames(ctx context.Context, repo *gitstore.Repo, touched []delta, ours bool) ([]pair, []delta, error) {
	var gone, come, rest []delta
	for _, d := range touched {
		switch {
		case d.new.IsZero():
			gone = append(gone, d)
		case d.old.IsZero():
			come = append(come, d)
		default:
			rest = append(rest, d)
		}
	}
	if len(gone) == 0 || len(come) == 0 {
		return nil, touched, nil
	}
	single := ours && len(gone) == 1 && len(come) == 1
	pairs, gone, come := sameContent(gone, come)
	switch {
	case len(gone) == 0 || len(come) == 0:
	case single:
		pairs = append(pairs, pair{gone[0], come[0]})
		gone, come = nil, nil
	default:
		more, err := similar(ctx, repo, gone, come)
		if err != nil {
			return nil, nil, err
		}
		pairs = append(pairs, more...)
		gone, come = without(gone, more, func(p pair) string { return p.from.path }), without(come, more, func(p pair) string { return p.to.path })
	}
	rest = append(append(rest, gone...), come...)
	slices.SortFunc(rest, func(a, b delta) int { return strings.Compare(a.path, b.path) })
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.to.path, b.to.path) })
	return pairs, rest, nil
}

// sameContent pairs pages with equal blobs; of several it prefers one that keeps
// the last segment of its path, then the first by path.
func sameContent(gone, come []delta) (pairs []pair, restGone, restCome []delta) {
	byBlob := make(map[gitstore.OID][]delta)
	for _, d := range gone {
		byBlob[d.old] = append(byBlob[d.old], d)
	}
	for _, d := range come {
		from := byBlob[d.new]
		if len(from) == 0 {
			restCome = append(restCome, d)
			continue
		}
		i := max(0, slices.IndexFunc(from, func(f delta) bool { return pagepath.Title(f.path) == pagepath.Title(d.path) }))
		pairs = append(pairs, pair{from[i], d})
		byBlob[d.new] = slices.Delete(slices.Clone(from), i, i+1)
	}
	return pairs, without(gone, pairs, func(p pair) string { return p.from.path }), restCome
}

func without(all []delta, pairs []pair, side func(pair) string) []delta {
	taken := make(map[string]bool, len(pairs))
	for _, p := range pairs {
		taken[side(p)] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(d delta) bool { return taken[d.path] })
}

// similar pairs pages by the share of lines that they have in common, counted
// against the longer of the two, the best pairs first.
func similar(ctx context.Context, repo *gitstore.Repo, gone, come []delta) ([]pair, error) {
	left, err := readLines(ctx, repo, gone, func(d delta) gitstore.OID { return d.old })
	if err != nil {
		return nil, err
	}
	right, err := readLines(ctx, repo, come, func(d delta) gitstore.OID { return d.new })
	if err != nil {
		return nil, err
	}
	type candidate struct {
		l, r  int
		share float64
	}
	var found []candidate
	for r := range right {
		for l := range left {
			shared := 0
			a, b := left[l], right[r]
			if 2*min(a.total, b.total) < max(a.total, b.total) {
				continue
			}
			for line, n := range b.count {
				shared += min(n, a.count[line])
			}
			if most := max(a.total, b.total); most > 0 && 2*shared >= most {
				found = append(found, candidate{l, r, float64(shared) / float64(most)})
			}
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.share, a.share),
			strings.Compare(left[a.l].path, left[b.l].path), strings.Compare(right[a.r].path, right[b.r].path))
	})
	var pairs []pair
	usedL, usedR := make([]bool, len(left)), make([]bool, len(right))
	for _, c := range found {
		if !usedL[c.l] && !usedR[c.r] {
			usedL[c.l], usedR[c.r] = true, true
			pairs = append(pairs, pair{left[c.l].delta, right[c.r].delta})
		}
	}
	return pairs, nil
}

// lines is the content of a page as a bag of its lines that are not blank.
type lines struct {
	delta
	count map[uint64]int
	total int
}

var lineSeed = maphash.MakeSeed()

func readLines(ctx context.Context, repo *gitstore.Repo, pages []delta, side func(delta) gitstore.OID) ([]lines, error) {
	type sized struct {
		delta
		size int64
	}
	some := make([]sized, 0, len(pages))
	for _, d := range pages {
		size, err := repo.Size(ctx, side(d))
		if err != nil {
			return nil, err
		}
		if size <= maxCompared {
			some = append(some, sized{d, size})
		}
	}
	slices.SortStableFunc(some, func(a, b sized) int { return cmp.Compare(a.size, b.size) })
	some = some[:min(len(some), maxCandidates)]
	out := make([]lines, len(some))
	for i, s := range some {
		data, err := repo.Blob(ctx, side(s.delta))
		if err != nil {
			return nil, err
		}
		out[i] = lines{delta: s.delta, count: make(map[uint64]int)}
		for line := range bytes.Lines(data) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				out[i].count[maphash.Bytes(lineSeed, line)]++
				out[i].total++
			}
		}
	}
	return out, nil
}
