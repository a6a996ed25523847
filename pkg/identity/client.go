package identity

import "strings"

// browser is what every browser is called: their own names say little more.
const browser = "Browser"

// knownClients gives the names that people know, the same as on the app's
// connect screen, to programs that call themselves otherwise: in lower case, as
// they stand in User-Agent or in MCP's client info.
var knownClients = map[string]string{
	"anthropic/claudeai":    "Claude.ai",
	"claude-ai":             "Claude.ai",
	"claude-code":           "Claude Code",
	"claude-user":           "Claude.ai", // its servers, on a person's behalf
	"codex-mcp-client":      "Codex",
	"cursor-vscode":         "Cursor",
	"gemini-cli":            "Gemini CLI",
	"gemini-cli-mcp-client": "Gemini CLI",
	"mozilla":               browser,
	"openai-mcp":            "ChatGPT",
	"visual studio code":    "VS Code",
	"visual-studio-code":    "VS Code",
}

// maxClient bounds a client's name, in bytes.
const maxClient = 40

// ClientName makes of what a program says of itself, in User-Agent (RFC 9110
// section 10.1.5) or as the name in MCP's client info, the one name that it goes
// by everywhere: the first product, without version and comment, and only
// letters, digits, single spaces and ". _ + -", which end no header, trailer or
// tag wherever they are shown. At most 40 bytes; "" when nothing is left.
func ClientName(said string) string {
	if known, ok := knownClients[strings.ToLower(strings.TrimSpace(said))]; ok {
		return known
	}
	if end := strings.IndexAny(said, "/("); end >= 0 {
		said = said[:end]
	}
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
		return known
	}
	return strings.TrimSpace(said[:min(len(said), maxClient)])
}

// Agent is [ClientName] for commits: "" for browsers, through which a person
// acts by hand.
func Agent(said string) string {
	if name := ClientName(said); name != browser {
		return name
	}
	return ""
}
