package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"wikibot.io/pkg/wiki"
)

// diffLine is a line of a comparison as it is drawn. A changed line whose
// counterpart is known is in three pieces, of which Mark is what differs: pages
// hold whole paragraphs on one line.
type diffLine struct {
	Class  string // "add", "cut" or "same"
	Sign   string
	Number int // in the new text; in the old one for lines that were cut
	Text   string
	Mark   string
	Rest   string
}

// runsOf numbers the lines of a comparison and marks what differs within them.
func runsOf(hunks []wiki.Hunk) [][]diffLine {
	runs := make([][]diffLine, 0, len(hunks))
	for _, h := range hunks {
		run := make([]diffLine, 0, len(h.Lines))
		old, now := h.OldLine, h.NewLine
		for _, l := range h.Lines {
			text := strings.TrimSuffix(strings.ToValidUTF8(l.Text, "\uFFFD"), "\r")
			switch l.Op {
			case '-':
				run = append(run, diffLine{Class: "cut", Sign: "−", Number: old, Text: text})
				old++
			case '+':
				run = append(run, diffLine{Class: "add", Sign: "+", Number: now, Text: text})
				now++
			default:
				run = append(run, diffLine{Class: "same", Sign: " ", Number: now, Text: text})
				old, now = old+1, now+1
			}
		}
		pairUp(run)
		runs = append(runs, run)
	}
	return runs
}

// pairUp finds stretches where as many lines were cut as added, and takes them
// for each other's versions.
func pairUp(run []diffLine) {
	for i := 0; i < len(run); {
		cut := stretch(run[i:], "cut")
		added := stretch(run[i+cut:], "add")
		if cut > 0 && cut == added {
			for k := range cut {
				mark(&run[i+k], &run[i+cut+k])
			}
		}
		i += max(1, cut+added)
	}
}

func stretch(run []diffLine, class string) int {
	n := 0
	for n < len(run) && run[n].Class == class {
		n++
	}
	return n
}

// mark splits two versions of a line around what differs, at the edges of
// words. Lines that share little are left whole.
func mark(a, b *diffLine) {
	x, y := a.Text, b.Text
	head := 0
	for head < len(x) && head < len(y) && x[head] == y[head] {
		head++
	}
	head = wordStart(x, head)
	tail := 0
	for tail < len(x)-head && tail < len(y)-head && x[len(x)-1-tail] == y[len(y)-1-tail] {
		tail++
	}
	tail = len(x) - wordEnd(x, len(x)-tail)
	if head+tail < max(len(x), len(y))/3 {
		return
	}
	a.Text, a.Mark, a.Rest = x[:head], x[head:len(x)-tail], x[len(x)-tail:]
	b.Text, b.Mark, b.Rest = y[:head], y[head:len(y)-tail], y[len(y)-tail:]
}

// wordStart moves an offset back to where a word begins.
func wordStart(s string, at int) int {
	for at > 0 {
		r, n := utf8.DecodeLastRuneInString(s[:at])
		if r == utf8.RuneError || unicode.IsLetter(r) || unicode.IsDigit(r) {
			at -= n
			continue
		}
		break
	}
	return at
}

// wordEnd moves an offset on to where a word ends.
func wordEnd(s string, at int) int {
	for at < len(s) {
		r, n := utf8.DecodeRuneInString(s[at:])
		if r == utf8.RuneError || unicode.IsLetter(r) || unicode.IsDigit(r) {
			at += n
			continue
		}
		break
	}
	return at
}
