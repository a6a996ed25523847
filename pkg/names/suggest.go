package names

import (
	"iter"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Suggest yields usernames for somebody who is called by these names, the best
// first: each source made well-formed, then the first of them with numbers. It
// yields nothing when no letter of a source can be written in a username. Whether
// one is free is the records' to say; the caller stops where it has asked enough.
func Suggest(sources ...string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var base string
		seen := map[string]bool{}
		for _, source := range sources {
			label := labelOf(source)
			if label == "" || seen[label] {
				continue
			}
			if base == "" {
				base = label
			}
			seen[label] = true
			if Label(label) == nil && !yield(label) {
				return
			}
		}
		for n := 2; base != "" && n < 100; n++ {
			digits := strconv.Itoa(n)
			numbered := strings.TrimRight(base[:min(len(base), MaxLabel-len(digits))], "-") + digits
			if Label(numbered) == nil && !yield(numbered) {
				return
			}
		}
	}
}

// labelOf writes a name with the characters of a label; "" when nothing is left.
// What is too short is padded.
func labelOf(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		switch {
		case isLabelRune(r) && r != '-':
			b.WriteRune(r)
		case spelled[r] != "":
			b.WriteString(spelled[r])
		case strings.ContainsRune(" -_.+/", r) && b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= MaxLabel {
			break
		}
	}
	label := b.String()
	label = strings.Trim(label[:min(len(label), MaxLabel)], "-")
	if label != "" && len(label) < MinLabel {
		label += strings.Repeat("1", MinLabel-len(label))
	}
	return label
}

// spelled are the letters of Latin scripts that do not come apart into a letter
// of ours and a mark.
var spelled = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ħ': "h", 'ı': "i", 'ŋ': "n", 'ŧ': "t",
}
