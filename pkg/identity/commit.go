package identity

import "strings"

// CommitEmail is the address that commits by a user carry. A wiki can be cloned
// by whoever may read it, so a person's real address never goes into one. The
// domain is the root host without a port.
func CommitEmail(username, domain string) string {
	return username + "@users." + domain
}

// Agent turns what a client program says of itself (a User-Agent, or the name
// in MCP's client info) into the name that commits carry, such as "Claude Code":
// the first product without its version, only letters, digits, spaces and
// ". _ + -", at most 40 bytes. It is "" when nothing is left, and for browsers,
// whose name says nothing about who acts. ([ClientName], with the version, is for
// the list of tokens; in a history the version is noise.)
func Agent(said string) string {
	said, _, _ = strings.Cut(said, "/")
	said = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("._+-", r):
			return r
		default:
			return ' '
		}
	}, said)
	said = strings.Join(strings.Fields(said), " ")
	if known, ok := knownClients[strings.ToLower(said)]; ok {
		said = known
	}
	if said == knownClients["mozilla"] {
		return ""
	}
	return strings.TrimSpace(said[:min(len(said), maxClient)])
}
