package wiki

import (
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

const regular = filemode.Regular

// The trailers with which a commit says through what it was made. No line of a
// message that a person or agent writes begins so.
const (
	trailer      = "Wikibot-"
	trailerAgent = trailer + "Agent"
	trailerVia   = trailer + "Via"
)

// maxMessage bounds a commit message, in bytes.
const maxMessage = 4000

// withTrailers finishes a commit message. Lines of the text that look like our
// trailers are dropped: who acted is never for the writer to claim.
func withTrailers(text string, by Author) string {
	// What cannot be seen goes first, or it would hide a trailer from the search
	// and then uncover it.
	text = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	var b strings.Builder
	for line := range strings.Lines(text) {
		if start := strings.TrimSpace(line); len(start) >= len(trailer) && strings.EqualFold(start[:len(trailer)], trailer) {
			continue
		}
		b.WriteString(line)
	}
	message := strings.TrimSpace(b.String())
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	message += "\n"
	if by.Agent != "" || by.Via != "" {
		message += "\n"
	}
	if by.Agent != "" {
		message += trailerAgent + ": " + signatureText(by.Agent) + "\n"
	}
	if by.Via != "" {
		message += trailerVia + ": " + signatureText(by.Via) + "\n"
	}
	return message
}

// signatureText makes a text fit for a commit's author line: git gives angle
// brackets and line ends a meaning there.
func signatureText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '<' || r == '>' || unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.TrimSpace(s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}
