package markdown

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	maxSlug = 200 // bytes: an id, not an essay
	noSlug  = "section"
)

// slug makes an anchor of a heading's text as GitHub does: lower case, spaces
// become hyphens, and of the rest only letters, marks, digits, "_" and "-" stay,
// of every script. It is never empty.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.TrimSpace(norm.NFC.String(s)) {
		switch {
		case r == ' ' || r == '\t' || r == '\n':
			r = '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r):
			r = unicode.ToLower(r)
		case unicode.Is(unicode.Nl, r) || unicode.Is(unicode.No, r):
		default:
			continue
		}
		if b.Len()+4 > maxSlug {
			break
		}
		b.WriteRune(r)
	}
	if strings.Trim(b.String(), "-") == "" {
		return noSlug
	}
	return b.String()
}

// slugger keeps the anchors of one page apart: the second "x" is "x-1".
type slugger struct {
	taken map[string]int // how often a slug was asked for; present if it is in use
}

func (s *slugger) next(text string) string {
	if s.taken == nil {
		s.taken = map[string]int{}
	}
	base := slug(text)
	id := base
	for {
		if _, used := s.taken[id]; !used {
			break
		}
		s.taken[base]++
		id = base + "-" + strconv.Itoa(s.taken[base])
	}
	s.taken[id] = 0
	return id
}
