package index

import "strings"

// stem removes the English ending of a word of ASCII letters; other words it
// returns as they are. M. F. Porter, "An algorithm for suffix stripping",
// Program 14(3), 1980, with his two later amendments (-bli, -logi).
func stem(word string) string {
	if len(word) < 3 {
		return word
	}
	for i := range len(word) {
		if word[i] < 'a' || word[i] > 'z' {
			return word
		}
	}
	w := plural(word)
	w = pastAndGerund(w)
	if strings.HasSuffix(w, "y") && hasVowel(w[:len(w)-1]) {
		w = w[:len(w)-1] + "i"
	}
	w = replaceIf(w, longSuffixes, 0)
	w = replaceIf(w, shortSuffixes, 0)
	w = dropLast(w)
	if strings.HasSuffix(w, "e") {
		rest := w[:len(w)-1]
		if m := measure(rest); m > 1 || m == 1 && !shortSyllable(rest) {
			w = rest
		}
	}
	if strings.HasSuffix(w, "ll") && measure(w) > 1 {
		w = w[:len(w)-1]
	}
	return w
}

// plural is step 1a.
func plural(w string) string {
	switch {
	case strings.HasSuffix(w, "sses"), strings.HasSuffix(w, "ies"):
		return w[:len(w)-2]
	case strings.HasSuffix(w, "ss"):
		return w
	case strings.HasSuffix(w, "s"):
		return w[:len(w)-1]
	}
	return w
}

// pastAndGerund is step 1b.
func pastAndGerund(w string) string {
	if rest, ok := strings.CutSuffix(w, "eed"); ok {
		if measure(rest) > 0 {
			return w[:len(w)-1]
		}
		return w
	}
	rest, ok := strings.CutSuffix(w, "ed")
	if !ok {
		rest, ok = strings.CutSuffix(w, "ing")
	}
	if !ok || !hasVowel(rest) {
		return w
	}
	switch {
	case strings.HasSuffix(rest, "at"), strings.HasSuffix(rest, "bl"), strings.HasSuffix(rest, "iz"):
		return rest + "e"
	case doubled(rest) && !strings.ContainsRune("lsz", rune(rest[len(rest)-1])):
		return rest[:len(rest)-1]
	case measure(rest) == 1 && shortSyllable(rest):
		return rest + "e"
	}
	return rest
}

// Steps 2 and 3: of the suffixes the first that fits decides, so a longer one
// stands before those that it ends in.
var (
	longSuffixes = []string{
		"ational", "ate", "tional", "tion", "enci", "ence", "anci", "ance", "izer", "ize", "bli", "ble",
		"alli", "al", "entli", "ent", "eli", "e", "ousli", "ous", "ization", "ize", "ation", "ate",
		"ator", "ate", "alism", "al", "iveness", "ive", "fulness", "ful", "ousness", "ous",
		"aliti", "al", "iviti", "ive", "biliti", "ble", "logi", "log",
	}
	shortSuffixes = []string{
		"icate", "ic", "ative", "", "alize", "al", "iciti", "ic", "ical", "ic", "ful", "", "ness", "",
	}
	lastSuffixes = []string{
		"al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion",
		"ou", "ism", "ate", "iti", "ous", "ive", "ize",
	}
)

// replaceIf replaces the suffix that fits (even places) by what follows it in
// the list, if what stands before has a measure above m.
func replaceIf(w string, list []string, m int) string {
	for i := 0; i < len(list); i += 2 {
		if rest, ok := strings.CutSuffix(w, list[i]); ok {
			if measure(rest) > m {
				return rest + list[i+1]
			}
			return w
		}
	}
	return w
}

// dropLast is step 4.
func dropLast(w string) string {
	for _, suffix := range lastSuffixes {
		rest, ok := strings.CutSuffix(w, suffix)
		if !ok {
			continue
		}
		if suffix == "ion" && !strings.HasSuffix(rest, "s") && !strings.HasSuffix(rest, "t") {
			return w
		}
		if measure(rest) > 1 {
			return rest
		}
		return w
	}
	return w
}

func vowel(w string, i int) bool {
	switch w[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return true
	case 'y':
		return i > 0 && !vowel(w, i-1)
	}
	return false
}

func hasVowel(w string) bool {
	for i := range len(w) {
		if vowel(w, i) {
			return true
		}
	}
	return false
}

// measure counts the transitions from vowels to consonants.
func measure(w string) (m int) {
	last := false
	for i := range len(w) {
		v := vowel(w, i)
		if last && !v {
			m++
		}
		last = v
	}
	return m
}

func doubled(w string) bool {
	n := len(w)
	return n > 1 && w[n-1] == w[n-2] && !vowel(w, n-1)
}

// shortSyllable: consonant, vowel, consonant that is not w, x or y.
func shortSyllable(w string) bool {
	n := len(w)
	return n > 2 && !vowel(w, n-3) && vowel(w, n-2) && !vowel(w, n-1) && !strings.ContainsRune("wxy", rune(w[n-1]))
}
