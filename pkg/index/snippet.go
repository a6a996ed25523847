package index

import (
	"container/list"
	"context"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"wikibot.io/pkg/gitstore"
)

// Shape of a snippet, in bytes of text.
const (
	snippetLength = 200
	snippetLead   = 50  // at most, before the first match
	snippetLooks  = 100 // matches looked at to find the place with most words
)

// place is a match in a text.
type place struct{ start, end, group int }

// places finds matches in the text: enough to choose a snippet, which they are
// as soon as all groups stand within one.
func places(text string, m *matcher) []place {
	var found []place
	enough := len(text)
	tokensLike(text, m.like, func(t token) bool {
		if t.start > enough {
			return false
		}
		if i, ok := m.match(t); ok {
			found = append(found, place{t.start, t.end, i})
			if from, all := together(found, m.groups); all && enough == len(text) {
				enough = from + snippetLength
			}
		}
		return len(found) < snippetLooks
	})
	return found
}

// together reports whether the matches that fit into a snippet with the last one
// are of all groups, and where the first of them begins.
func together(found []place, groups int) (from int, all bool) {
	last := found[len(found)-1]
	seen := make(map[int]bool, groups)
	for i := len(found) - 1; i >= 0 && last.end <= found[i].start+snippetLength-snippetLead; i-- {
		seen[found[i].group] = true
		from = found[i].start
		if len(seen) == groups {
			return from, true
		}
	}
	return 0, false
}

// snippet returns about 200 bytes of the text from where most of the query's
// words are close together, the first such place; the beginning if there are
// none. What was left out is shown by "…".
func snippet(text string, m *matcher) []Span {
	found := places(text, m)
	start, most := 0, 0
	for i, p := range found {
		groups := make(map[int]bool)
		for _, q := range found[i:] {
			if q.end > p.start+snippetLength-snippetLead {
				break
			}
			groups[q.group] = true
		}
		if len(groups) > most {
			most, start = len(groups), max(0, p.start-snippetLead)
		}
	}
	start = wordStart(text, start)
	end := wordEnd(text, min(len(text), start+snippetLength))
	var spans []Span
	add := func(s string, match bool) {
		switch n := len(spans); {
		case s == "":
		case n > 0 && spans[n-1].Match == match:
			spans[n-1].Text += s
		default:
			spans = append(spans, Span{s, match})
		}
	}
	if start > 0 {
		add("…", false)
	}
	at := start
	for _, p := range found {
		if p.start < at || p.end > end {
			continue
		}
		add(oneLine(text[at:p.start]), false)
		add(text[p.start:p.end], true)
		at = p.end
	}
	rest := oneLine(text[at:end])
	if end < len(text) {
		rest = strings.TrimRight(rest, " ") + "…"
	}
	add(rest, false)
	return spans
}

// wordStart moves a place in a text back to where its word begins, but not far.
func wordStart(text string, at int) int {
	for n := 0; at > 0 && n < 32; n++ {
		r, size := utf8.DecodeLastRuneInString(text[:at])
		if unicode.IsSpace(r) {
			break
		}
		at -= size
	}
	for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) {
		at--
	}
	return at
}

// wordEnd moves a place in a text on to where its word ends, but not far.
func wordEnd(text string, at int) int {
	for at < len(text) && !utf8.RuneStart(text[at]) {
		at++
	}
	for n := 0; at < len(text) && n < 32; n++ {
		r, size := utf8.DecodeRuneInString(text[at:])
		if unicode.IsSpace(r) {
			break
		}
		at += size
	}
	return at
}

// oneLine makes every run of white space one space.
func oneLine(s string) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if space {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	if space {
		b.WriteByte(' ')
	}
	return b.String()
}

// maxTexts bounds the plain texts kept in memory, in bytes, over all wikis.
const maxTexts = 16 << 20

// texts keeps the plain text of pages that were found lately.
type texts struct {
	mu     sync.Mutex
	size   int
	byBlob map[gitstore.OID]*list.Element
	recent *list.List // of kept, latest first
}

type kept struct {
	blob gitstore.OID
	text string
}

func newTexts() *texts {
	return &texts{byBlob: make(map[gitstore.OID]*list.Element), recent: list.New()}
}

// of returns the plain text of a page.
func (t *texts) of(ctx context.Context, repo *gitstore.Repo, blob gitstore.OID) (string, error) {
	t.mu.Lock()
	if e := t.byBlob[blob]; e != nil {
		t.recent.MoveToFront(e)
		t.mu.Unlock()
		return e.Value.(kept).text, nil
	}
	t.mu.Unlock()
	src, err := repo.Blob(ctx, blob)
	if err != nil {
		return "", err
	}
	text := ""
	if len(src) <= maxParsed {
		text = plainText(src)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byBlob[blob] == nil {
		t.byBlob[blob] = t.recent.PushFront(kept{blob, text})
		t.size += len(text)
	}
	for t.size > maxTexts && t.recent.Len() > 1 {
		e := t.recent.Back()
		old := t.recent.Remove(e).(kept)
		delete(t.byBlob, old.blob)
		t.size -= len(old.text)
	}
	return text, nil
}
