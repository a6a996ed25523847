package names

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"wikibot.io/pkg/fault"
)

// Bounds of a username or slug, in bytes. They are DNS labels, so 63 would be
// the hard limit.
const (
	MinLabel = 3
	MaxLabel = 30
)

// MaxDisplay bounds a display name, in characters.
const MaxDisplay = 100

// maxEmail is the longest address that fits the path of an SMTP command
// (RFC 5321 section 4.5.3.1.3, less the angle brackets).
const maxEmail = 254

// reserved are the names that would be mistaken for a part of the service, or
// that programs look up by themselves (autoconfig, wpad).
var reserved = set(`
	account new
	api auth app www admin mcp docs status blog help support billing static assets null undefined wiki robot
	dev ftp git imap mail ns ns1 ns2 pop smtp ssh user vpn webhooks
	oauth root wikibot localhost autoconfig wpad`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// Label checks a username or slug and returns everything that is wrong with it,
// in words that follow the field's name. A nil answer means that it is well
// formed, not that it is free.
func Label(s string) []string {
	if s == "" {
		return []string{"is missing"}
	}
	var wrong []string
	if len(s) < MinLabel {
		wrong = append(wrong, "is too short: use at least 3 characters")
	}
	if utf8.RuneCountInString(s) > MaxLabel {
		wrong = append(wrong, "is too long: use at most 30 characters")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !isLabelRune(r) }) {
		wrong = append(wrong, "may only hold the letters a to z in lower case, digits and hyphens")
	}
	if strings.HasPrefix(s, "-") || strings.HasSuffix(s, "-") {
		wrong = append(wrong, "may not begin or end with a hyphen")
	}
	// Browsers show a label that begins with xn-- as other characters than it
	// is made of (RFC 5890), which is a way to look like somebody else.
	if strings.HasPrefix(s, "xn--") {
		wrong = append(wrong, "may not begin with xn--")
	}
	if reserved[s] {
		wrong = append(wrong, "is reserved: choose another")
	}
	return wrong
}

func isLabelRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-'
}

// Email checks that an address looks like one: a local part, an "@", a domain,
// nothing that could end a header line or a commit's author. It does not check
// that mail arrives.
func Email(s string) []string {
	switch {
	case s == "":
		return []string{"is missing"}
	case len(s) > maxEmail:
		return []string{"is too long"}
	case hasControl(s) || strings.ContainsAny(s, "<> ,;:\"()[]\\"):
		return []string{"holds characters that no address has"}
	}
	local, domain, found := strings.Cut(s, "@")
	parsed, err := mail.ParseAddress(s)
	if !found || local == "" || domain == "" || err != nil || parsed.Address != s {
		return []string{"is not an e-mail address: it should look like ada@example.org"}
	}
	return nil
}

// Display checks the name of a person or wiki. Callers trim it first.
func Display(s string) []string {
	var wrong []string
	if strings.TrimSpace(s) == "" {
		return []string{"is missing"}
	}
	if utf8.RuneCountInString(s) > MaxDisplay {
		wrong = append(wrong, "is too long: use at most 100 characters")
	}
	if hasControl(s) {
		wrong = append(wrong, "holds characters that cannot be shown")
	}
	// A commit's author line ends at these (git refuses them as well).
	if strings.ContainsAny(s, "<>") {
		wrong = append(wrong, "may not hold < or >")
	}
	return wrong
}

// hasControl finds control characters, broken UTF-8, line separators, and the
// invisible marks that make text read in another order than it is written.
func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) || r == '\ufeff'
	})
}

// Fields makes one entry for each message about a field.
func Fields(field string, wrong []string) []fault.Field {
	fields := make([]fault.Field, len(wrong))
	for i, msg := range wrong {
		fields[i] = fault.Field{Name: field, Msg: msg}
	}
	return fields
}
