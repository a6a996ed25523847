package identity

import (
	"net/http"
	"strings"
)

// knownClients gives the names that people know to programs that call
// themselves otherwise.
var knownClients = map[string]string{
	"claude-code": "Claude Code",
	"claude-user": "Claude.ai",
	"mozilla":     "Browser",
}

// maxClient bounds a client's name, in bytes.
const maxClient = 40

// ClientName names the program that sent a request, such as "git 2.39" or
// "Claude Code 2.1", from the first product of User-Agent (RFC 9110 section
// 10.1.5). It holds nothing but letters, digits, dots, hyphens, underscores and
// one space; "" if the program does not say.
func ClientName(r *http.Request) string {
	product, _, _ := strings.Cut(strings.TrimSpace(r.UserAgent()), " ")
	name, version, _ := strings.Cut(product, "/")
	name, version = plain(name), plain(version)
	if known, ok := knownClients[strings.ToLower(name)]; ok {
		name = known
	}
	if name == "" || name == knownClients["mozilla"] {
		return name
	}
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	switch {
	case major == "":
	case minor == "":
		name += " " + major
	default:
		name += " " + major + "." + minor
	}
	return name[:min(len(name), maxClient)]
}

// plain keeps what cannot end a header, a trailer or a tag wherever the name is
// shown later.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return -1
	}, s)
}
