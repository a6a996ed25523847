package index

import (
	"cmp"
	"context"
	"database/sql"
	"math"
	"slices"

	"wikibot.io/pkg/gitstore"
)

// Hit is one search result.
type Hit struct {
	Path, Title string
	Snippet     []Span  // text around the first matches
	Score       float64 // 0 to 1, higher is better
}

// Span is a piece of a snippet.
type Span struct {
	Text  string
	Match bool
}

// Weights of the columns title, path, headings and body for bm25.
const weights = "10.0, 4.0, 4.0, 1.0"

// How hits are scored. FTS5 ranks them by bm25 (Robertson and Zaragoza, "The
// Probabilistic Relevance Framework", 2009); the first rerankedHits of them are
// then ordered by
//
//	score = 0.75 · (bm25 relative to the best) + 0.25 · (share of the query's words in the title)
//
// and the others follow in bm25's order, no score being above the one before it.
// Where no page has all words, and pages with any of them are shown instead, all
// scores are halved.
//
// bm25 takes as long as there are occurrences. Where more than manyHits pages
// match, it ranks those alone that have the words in title, path or headings,
// and where these are too many as well, in the title; the others follow in the
// order in which the pages came to be, because of words that are everywhere it
// knows little to say.
const (
	rerankedHits = 200
	manyHits     = 300
	rankShare    = 0.75
	titleShare   = 0.25
	someWords    = 0.5
	restShare    = 0.25 // of the best rank, for those that are not ranked; squared for the widest
)

// scored is a hit before its snippet is made.
type scored struct {
	Hit
	rank float64 // bm25: negative, lower is better
	blob gitstore.OID
}

// Search finds pages that contain the words of the query: all of them if any
// page has all, else any of them. "Quoted words" must follow each other. The
// last word may be unfinished. It never fails on what people type: a query
// without a letter or digit finds nothing. A limit of 0 is none.
func (v *View) Search(ctx context.Context, query string, limit, offset int) (hits []Hit, total int, err error) {
	groups := parseQuery(query)
	if len(groups) == 0 {
		return nil, 0, nil
	}
	offset = max(offset, 0)
	want := max(rerankedHits, offset+limit)
	if limit <= 0 || limit > math.MaxInt-offset {
		want = math.MaxInt
	}
	var window []scored
	err = v.read(ctx, func(r reader) error {
		factor, match := 1.0, expression(groups, "AND")
		total, err = r.matches(match)
		if err == nil && total == 0 && len(groups) > 1 {
			factor, match = someWords, expression(groups, "OR")
			total, err = r.matches(match)
		}
		if err != nil || offset >= total {
			return err
		}
		all, err := r.best(match, total, want)
		if err != nil {
			return err
		}
		rate(all, groups, factor)
		last := len(all)
		if limit > 0 && limit < last-offset {
			last = offset + limit
		}
		window = all[min(offset, last):last]
		return nil
	})
	if err != nil || len(window) == 0 {
		return nil, total, err
	}
	hits, err = v.snippets(ctx, window, groups)
	return hits, total, err
}

// matches counts the pages that match.
func (r reader) matches(match string) (n int, err error) {
	_, err = r.one(`SELECT count(*) FROM search WHERE search MATCH ?`, []any{match}, &n)
	return n, err
}

// narrower are the columns to which a match that is too wide is confined.
var narrower = []string{"{title path headings}", "{title}"}

// best returns at most want matches, the best first.
func (r reader) best(match string, total, want int) (all []scored, err error) {
	tiers := []string{match}
	for _, columns := range narrower {
		if total <= manyHits {
			break
		}
		tier := columns + " : (" + match + ")"
		if total, err = r.matches(tier); err != nil {
			return nil, err
		}
		tiers = append(tiers, tier)
	}
	last := len(tiers) - 1
	if total <= manyHits {
		all, err = r.ranked(tiers[last], want)
		last--
	}
	seen, best := make(map[string]bool, len(all)), -1.0
	for _, s := range all {
		seen[s.Path] = true
		best = all[0].rank
	}
	share := 1.0
	for ; last >= 0 && err == nil && len(all) < want; last-- {
		if share = share * restShare; len(all) == 0 {
			share = 1
		}
		err = r.unranked(tiers[last], want, func(s scored) {
			if s.rank = best * share; !seen[s.Path] && len(all) < want {
				seen[s.Path] = true
				all = append(all, s)
			}
		})
	}
	return all, err
}

// unranked calls f for the first n matches in the order of pages' ids.
func (r reader) unranked(match string, n int, f func(scored)) error {
	query := `SELECT p.path, p.title, p.blob FROM
		(SELECT rowid AS id FROM search WHERE search MATCH ? ORDER BY rowid LIMIT ?) s JOIN pages p ON p.id = s.id`
	return r.each(query, []any{match, n}, func(rows *sql.Rows) error {
		var s scored
		err := s.scan(rows)
		f(s)
		return err
	})
}

// ranked returns the best want matches by bm25, the best first.
func (r reader) ranked(match string, want int) (all []scored, err error) {
	query := `SELECT p.path, p.title, p.blob, s.rank FROM
		(SELECT rowid, rank FROM search WHERE search MATCH ? AND rank MATCH 'bm25(` + weights + `)' ORDER BY rank LIMIT ?) s
		JOIN pages p ON p.id = s.rowid`
	err = r.each(query, []any{match, want}, func(rows *sql.Rows) error {
		var s scored
		err := s.scan(rows, &s.rank)
		all = append(all, s)
		return err
	})
	slices.SortFunc(all, func(a, b scored) int { return cmp.Or(cmp.Compare(a.rank, b.rank), byKey(a.Path, b.Path)) })
	return all, err
}

func (s *scored) scan(rows *sql.Rows, more ...any) error {
	var blob []byte
	err := rows.Scan(append([]any{&s.Path, &s.Title, &blob}, more...)...)
	copy(s.blob[:], blob)
	return err
}

// rate gives hits their scores and puts them in order.
func rate(all []scored, groups []group, factor float64) {
	if len(all) == 0 {
		return
	}
	m, best := newMatcher(groups), all[0].rank
	for i := range all {
		relative := 1.0
		if best < 0 {
			relative = min(max(all[i].rank/best, 0), 1)
		}
		all[i].Score = factor * rankShare * relative
		if i < rerankedHits {
			all[i].Score += factor * titleShare * m.share(all[i].Title, len(groups))
		}
	}
	slices.SortStableFunc(all[:min(len(all), rerankedHits)], func(a, b scored) int { return cmp.Compare(b.Score, a.Score) })
	for i := 1; i < len(all); i++ {
		all[i].Score = min(all[i].Score, all[i-1].Score)
	}
}

// share is the part of the query's groups of which a word is in the text.
func (m *matcher) share(text string, groups int) float64 {
	found := make(map[int]bool)
	tokens(text, func(t token) bool {
		if i, ok := m.match(t); ok {
			found[i] = true
		}
		return true
	})
	return float64(len(found)) / float64(groups)
}

func (v *View) snippets(ctx context.Context, window []scored, groups []group) ([]Hit, error) {
	repo, err := v.cache.deps.Git.Repo(ctx, v.wiki.ID)
	if err != nil {
		return nil, err
	}
	m := newMatcher(groups)
	hits := make([]Hit, len(window))
	for i, s := range window {
		text, err := v.cache.texts.of(ctx, repo, s.blob)
		if err != nil {
			return nil, err
		}
		s.Snippet = snippet(text, m)
		hits[i] = s.Hit
	}
	return hits, nil
}
