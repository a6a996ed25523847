package index

import (
	"strings"
)

// trailers are the lines that the engine adds to the last paragraph of its
// commit messages: "Wikibot-Agent: <client>" and "Wikibot-Via: <door>".
const (
	trailerPrefix = "wikibot-"
	agentTrailer  = "wikibot-agent"
)

// splitMessage separates a commit message from our trailers: ours tells whether
// there were any. Other people's trailers stay. The first paragraph is never
// taken for trailers.
func splitMessage(raw string) (message, agent string, ours bool) {
	message = strings.TrimSpace(clean(strings.ReplaceAll(raw, "\r\n", "\n")))
	cut := strings.LastIndex(message, "\n\n")
	if cut < 0 {
		return message, "", false
	}
	var kept []string
	for line := range strings.SplitSeq(message[cut+2:], "\n") {
		name, value, ok := strings.Cut(line, ":")
		if name = strings.ToLower(name); !ok || !strings.HasPrefix(name, trailerPrefix) {
			kept = append(kept, line)
			continue
		}
		ours = true
		if name == agentTrailer {
			agent = strings.TrimSpace(value)
		}
	}
	return strings.TrimSpace(message[:cut] + "\n\n" + strings.Join(kept, "\n")), agent, ours
}

// subject is the first line of a message.
func subject(message string) string {
	first, _, _ := strings.Cut(message, "\n")
	return strings.TrimSpace(first)
}

// clean makes text from a repository, which may be any bytes, fit to be shown.
func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
