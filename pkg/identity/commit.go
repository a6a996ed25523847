package identity

import "strings"

// CommitEmail is the address that commits by a user carry. A wiki can be cloned
// by whoever may read it, so a person's real address never goes into one. The
// domain is the root host without a port.
func CommitEmail(username, domain string) string {
	return username + "@users." + domain
}

// MaxAgent is the longest agent name that a commit carries, in bytes.
const MaxAgent = 40

// Agent turns what a client program says of itself (a User-Agent, or the name
// in MCP's client info) into the name that commits carry: the first product of
// a User-Agent without its version, only letters, digits, spaces and ". _ + -",
// at most [MaxAgent] bytes. It is "" when nothing is left, and for browsers,
// whose User-Agent says nothing about who acts.
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
	if len(said) > MaxAgent {
		said = strings.TrimSpace(said[:MaxAgent])
	}
	if said == "Mozilla" {
		return ""
	}
	return said
}
