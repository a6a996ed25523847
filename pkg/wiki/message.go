package wiki

import (
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

const regular = filemode.Regular

// The trailers with which a commit says through what it was made. They begin
// with Trailer, and no message that a person or agent writes may.
const (
	Trailer      = "Wikibot-"
	TrailerAgent = Trailer + "Agent"
	TrailerVia   = Trailer + "Via"
)

// maxMessage bounds a commit message, in bytes.
const maxMessage = 4000

// withTrailers finishes a commit message. Lines of the text that look like our
// trailers are dropped: who acted is never for the writer to claim.
func withTrailers(text string, by Author) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		if len(line) >= len(Trailer) && strings.EqualFold(line[:len(Trailer)], Trailer) {
			continue
		}
		b.WriteString(line)
	}
	message := strings.TrimSpace(b.String())
	message = strings.Map(func(r rune) rune {
		if r == '\r' || r != '\n' && r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(message, ""))
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	message += "\n"
	if by.Agent != "" || by.Via != "" {
		message += "\n"
	}
	if by.Agent != "" {
		message += TrailerAgent + ": " + signatureText(by.Agent) + "\n"
	}
	if by.Via != "" {
		message += TrailerVia + ": " + signatureText(by.Via) + "\n"
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
