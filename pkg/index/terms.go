package index

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Terms are what the full text is made of. A term is a run of letters, digits
// and combining marks, with case folded, compatibility forms decomposed and
// diacritics dropped ("Übung" and "ubung" are one), and its English ending
// removed if it is all ASCII, because agents ask in sentences: "rendering pages"
// has to find "render page". Scripts that write no spaces between words (Han,
// Hiragana, Katakana) yield a term per character, so that any part of a sentence
// can be found.
//
// They are made here and not by SQLite's own tokenizers for two reasons: the
// snippet marks what the search found only if both cut words alike, and the
// index holds no text that SQLite could cut a second time. FTS5 gets terms
// separated by spaces and splits them with its plainest tokenizer.

// maxTerm bounds a term, in bytes: longer ones are data that nobody types.
const maxTerm = 64

// token is a term and where it stands in the text.
type token struct {
	start, end int    // bytes
	word       string // folded
}

// term is the word without its ending.
func (t token) term() string { return stem(t.word) }

// tokens calls f for each token of s until f returns false.
func tokens(s string, f func(token) bool) {
	tokensLike(s, nil, f)
}

// tokensLike is tokens for those whose text, as it stands, passes like: folding
// is what costs, so a caller who wants few of them says which.
func tokensLike(s string, like func(raw string) bool, f func(token) bool) {
	start := -1
	emit := func(end int) bool {
		if start < 0 {
			return true
		}
		raw := s[start:end]
		t := token{start: start, end: end}
		start = -1
		if like != nil && !like(raw) {
			return true
		}
		word := foldWord(raw)
		t.word = word
		return word == "" || f(t)
	}
	for i, r := range s {
		switch {
		case r < utf8.RuneSelf && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'):
			if start < 0 {
				start = i
			}
		case r < utf8.RuneSelf:
			if !emit(i) {
				return
			}
		case unspaced(r):
			if !emit(i) {
				return
			}
			start = i
			if !emit(i + utf8.RuneLen(r)) {
				return
			}
		case unicode.IsLetter(r) || unicode.IsNumber(r) || start >= 0 && unicode.IsMark(r):
			if start < 0 {
				start = i
			}
		default:
			if !emit(i) {
				return
			}
		}
	}
	emit(len(s))
}

func unspaced(r rune) bool {
	return r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// foldWord folds one run of letters and digits; "" if nothing is left of it.
func foldWord(s string) string {
	ascii := true
	for i := range len(s) {
		ascii = ascii && s[i] < utf8.RuneSelf
	}
	if ascii {
		return cutTerm(strings.ToLower(s))
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		// Decomposing may bring up spaces and symbols, which would be separators.
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			b.WriteRune(r)
		}
	}
	// Folding may compose letters with marks anew, hence the second pass.
	folded := cases.Fold().String(b.String())
	b.Reset()
	for _, r := range norm.NFKD.String(folded) {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			b.WriteRune(r)
		}
	}
	return cutTerm(b.String())
}

func cutTerm(s string) string {
	if len(s) <= maxTerm {
		return s
	}
	cut := maxTerm
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// terms returns the terms of a text, each followed by a space.
func terms(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	tokens(s, func(t token) bool {
		b.WriteString(t.term())
		b.WriteByte(' ')
		return true
	})
	return b.String()
}
