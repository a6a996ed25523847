package index

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a query: beyond them it is cut, not refused.
const (
	maxGroups     = 16
	maxQueryBytes = 1000
)

// group is one thing that a query asks for: terms that follow each other. A word
// is a group; so are the parts of a word that has several ("install-module"),
// and words in double quotes.
type group struct {
	terms []string
	words []string // before their endings were removed
	// open tells that the last word may be unfinished: it also stands for what
	// begins with it.
	open   bool
	quoted bool
}

// stop reports whether the group is a single stop word.
func (g group) stop() bool { return !g.quoted && len(g.words) == 1 && stopWords[g.words[0]] }

// How many characters an unfinished word needs to stand for longer ones in title
// and path, and everywhere: fewer letters begin words on nearly every page.
const (
	minPrefix     = 3
	minBodyPrefix = 4
)

// stopWords are dropped from a query that has other words as well: agents ask in
// sentences, and "the" is on every page, many times, which is what takes time.
// In double quotes they count.
var stopWords = func() map[string]bool {
	m := make(map[string]bool)
	for word := range strings.FieldsSeq(`a about an and are as at be but by can do does for from had has have
		how i if in into is it its me my no not of on or our so such than that the their them then there
		these they this to was we were what when where which who why will with would you your`) {
		m[word] = true
	}
	return m
}()

// parseQuery turns what somebody typed into groups. There is no way to get it
// wrong: a quote without its fellow is a space, and what holds no letter or
// digit asks for nothing.
func parseQuery(query string) []group {
	query = cutQuery(query)
	var groups []group
	add := func(text string, quoted bool) {
		g := group{quoted: quoted}
		tokens(text, func(t token) bool {
			g.terms, g.words = append(g.terms, t.term()), append(g.words, t.word)
			return true
		})
		if len(g.terms) > 0 && len(groups) < maxGroups {
			groups = append(groups, g)
		}
	}
	addWords := func(text string) {
		for _, word := range strings.Fields(text) {
			add(word, false)
		}
	}
	for {
		open := strings.IndexByte(query, '"')
		if open < 0 {
			break
		}
		length := strings.IndexByte(query[open+1:], '"')
		if length < 0 {
			break
		}
		addWords(query[:open])
		add(query[open+1:open+1+length], true)
		query = query[open+1+length+1:]
	}
	addWords(strings.ReplaceAll(query, `"`, " "))
	// Whoever is still typing has the cursor right behind the last word.
	if last, _ := utf8.DecodeLastRuneInString(query); len(groups) > 0 && (unicode.IsLetter(last) || unicode.IsNumber(last)) && !unspaced(last) {
		g := &groups[len(groups)-1]
		g.open = !g.stop() && utf8.RuneCountInString(g.words[len(g.words)-1]) >= minPrefix
	}
	if telling := slices.DeleteFunc(slices.Clone(groups), group.stop); len(telling) > 0 {
		return telling
	}
	return groups
}

func cutQuery(query string) string {
	if len(query) > maxQueryBytes {
		query = query[:maxQueryBytes]
	}
	return strings.ToValidUTF8(query, " ")
}

// endings complete a word that was broken off within an ending that stemming
// removes: "runnin" begins "running", whose term is "run".
var endings = []string{"g", "ng", "ing", "d", "ed"}

// short reports whether the unfinished word stands for longer ones in title and
// path only.
func (g group) short() bool {
	return g.open && utf8.RuneCountInString(g.words[len(g.words)-1]) < minBodyPrefix
}

// alternatives are the terms that an unfinished last word may stand for, besides
// all terms that begin with the word.
func (g group) alternatives() []string {
	word := g.words[len(g.words)-1]
	out := []string{g.terms[len(g.terms)-1]}
	for _, ending := range endings {
		if t := stem(word + ending); !strings.HasPrefix(t, word) && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// expression is the group in FTS5's query language. Terms hold letters and
// digits only, so that quoting them is enough.
func (g group) expression() string {
	head := strings.Join(g.terms[:len(g.terms)-1], " ")
	if head != "" {
		head += " "
	}
	if !g.open {
		return `"` + head + g.terms[len(g.terms)-1] + `"`
	}
	word := g.words[len(g.words)-1]
	parts := []string{`"` + head + word + `" *`}
	if g.short() {
		parts = []string{`{title path} : "` + head + word + `" *`}
	}
	for _, t := range g.alternatives() {
		if g.short() || !strings.HasPrefix(t, word) {
			parts = append(parts, `"`+head+t+`"`)
		}
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// expression joins groups by AND or OR.
func expression(groups []group, operator string) string {
	parts := make([]string, len(groups))
	for i, g := range groups {
		parts[i] = g.expression()
	}
	return strings.Join(parts, " "+operator+" ")
}

// matcher tells which tokens of a text the query asks for.
type matcher struct {
	terms    map[string]int // to the number of its group
	begin    [256]bool      // the first bytes of all terms and of the prefix
	prefix   string
	prefixOf int
	groups   int
}

func newMatcher(groups []group) *matcher {
	m := &matcher{terms: make(map[string]int), groups: len(groups)}
	add := func(term string, group int) {
		m.terms[term] = group
		m.begin[term[0]] = true
	}
	for i, g := range groups {
		for _, t := range g.terms {
			add(t, i)
		}
		if g.open {
			m.prefix, m.prefixOf = g.words[len(g.words)-1], i
			for _, t := range g.alternatives() {
				add(t, i)
			}
		}
	}
	return m
}

// like tells, without folding it, which text cannot match: a term begins as its
// word does, and folding leaves ASCII where it is.
func (m *matcher) like(raw string) bool {
	c := raw[0]
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c >= utf8.RuneSelf || m.begin[c]
}

// match returns the number of the group that the token belongs to.
func (m *matcher) match(t token) (int, bool) {
	if !m.begin[t.word[0]] {
		return 0, false
	}
	term := t.term()
	if i, ok := m.terms[term]; ok {
		return i, true
	}
	return m.prefixOf, m.prefix != "" && strings.HasPrefix(term, m.prefix)
}
