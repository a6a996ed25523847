package mcp

import (
	"context"
	"reflect"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/wiki"
)

// tool describes a tool beside its types.
type tool struct {
	name, title, description string
	effect                   effect
}

// effect is what a tool does to the wiki; the hints that clients get follow from
// it.
type effect int

const (
	reads    effect = iota
	replaces        // what was there may be gone from the page, and doing it again does nothing more
	edits           // likewise, but doing it again may do more
)

func (s *Service) addTools() {
	add(s, tool{"read_note", "Read a note", "Returns a note: its text with front matter, revision and links in both directions. " +
		"section returns one section by its heading, such as \"Background > Military Strategy\"; an unknown section is answered with the list of sections.", reads}, s.readNote)
	add(s, tool{"write_note", "Write a note", "Creates a note, or overwrites the whole of one. Overwriting takes the revision that was read; what others changed since is merged, or answered as a conflict with the three texts. " +
		"Links to other notes are written [[Page]] or [[Title|Page]].", replaces}, s.writeNote)
	add(s, tool{"edit_note", "Edit a note", "Replaces one exact string of a note. old_string must occur exactly once in it, white space included. " +
		"Links to other notes are written [[Page]] or [[Title|Page]].", edits}, s.editNote)
	add(s, tool{"list_notes", "List notes", "Lists notes by path, with category, tags, date of the last change and length. Filters are combined with AND.", reads}, s.listNotes)
	add(s, tool{"search_notes", "Search notes", "Finds notes by the words in them, best first. Words in \"double quotes\" must follow each other.", reads}, s.searchNotes)
	add(s, tool{"get_links", "Get links of a note", "Returns which notes a note links to and which link to it. The note need not exist.", reads}, s.getLinks)
	add(s, tool{"get_history", "Get history of a note", "Lists the commits that touched a note, newest first, across renames; deleted notes have a history too.", reads}, s.getHistory)
	add(s, tool{"get_recent_changes", "Get recent changes", "Lists the latest commits of the wiki with the notes they affected, newest first.", reads}, s.getRecentChanges)
	add(s, tool{"rename_note", "Rename a note", "Moves a note with its attachments to another path and rewrites the links that other notes have to it, in one commit.", replaces}, s.renameNote)
	add(s, tool{"delete_note", "Delete a note", "Deletes a note and its attachments, not its sub-notes. Its history stays.", replaces}, s.deleteNote)
}

func (t tool) annotations() *mcp.ToolAnnotations {
	no, changes := false, t.effect != reads
	return &mcp.ToolAnnotations{
		Title:           t.title,
		ReadOnlyHint:    !changes,
		DestructiveHint: &changes,
		IdempotentHint:  t.effect != edits,
		OpenWorldHint:   &no,
	}
}

// call is one call of a tool.
type call struct {
	context.Context
	*visit
	author wiki.Author
}

// add registers a tool whose handler returns its answer as text and as structured
// content. Its types give the schemas.
func add[In, Out any](s *Service, t tool, h func(c call, in In) (string, Out, error)) {
	s.params[t.name] = paramsOf(reflect.TypeFor[In]())
	s.changes[t.name] = t.effect != reads
	mcp.AddTool(s.server, &mcp.Tool{
		Name: t.name, Title: t.title, Description: t.description, Annotations: t.annotations(),
	}, func(ctx context.Context, req *mcp.CallToolRequest, in In) (*mcp.CallToolResult, Out, error) {
		v := visitOf(ctx)
		text, out, err := s.run(ctx, v, t, req, func(c call) (string, any, error) { return h(c, in) })
		if err != nil {
			v.fail(err)
			var none Out
			return nil, none, s.explain(v, err)
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, out.(Out), nil
	})
}

// run checks the right to change the wiki for every tool that does, so that none
// can forget it.
func (s *Service) run(ctx context.Context, v *visit, t tool, req *mcp.CallToolRequest, h func(call) (string, any, error)) (string, any, error) {
	if s.changes[t.name] && !v.May(identity.Write) {
		return "", nil, s.unauthorised(v)
	}
	p := v.Principal
	return h(call{Context: ctx, visit: v, author: wiki.Author{
		UserID: p.UserID, Name: p.DisplayName, Email: identity.CommitEmail(p.Username, s.hosts.Domain()),
		Agent: agent(req, v), Via: "mcp",
	}})
}

// agent names the program that calls: what it says in the request (2026-07-28),
// else what it said when it introduced itself, else under which name the person
// connected it, else its User-Agent.
func agent(req *mcp.CallToolRequest, v *visit) string {
	if info := req.ClientInfo(); info != nil {
		if name := identity.Agent(info.Name); name != "" {
			return name
		}
	}
	if v.client != "" {
		return v.client
	}
	if name := identity.Agent(v.Principal.Client); name != "" {
		return name
	}
	if name := identity.Agent(v.userAgent); !runtimes[name] {
		return name
	}
	return "MCP client" // whatever it is, it is no hand
}

// runtimes are names of libraries, which say nothing about who calls.
var runtimes = map[string]bool{"": true, "node": true, "undici": true, "Bun": true, "Deno": true, "python-httpx": true, "Go-http-client": true}

func paramsOf(t reflect.Type) map[string]bool {
	names := map[string]bool{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}

// list makes an empty list of nil: schemas promise a list, not null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// maxList is how much text a list may grow to, in bytes, before it is cut with a
// cursor: with the structured content beside it, it stays below what clients
// take (about 150,000 characters).
const maxList = 40_000

// clamp brings a limit that a model chose into what we give; 0 is the default.
// An error would cost a round trip and teach nothing.
func clamp(limit, normal, most int) int {
	if limit == 0 {
		return normal
	}
	return min(max(limit, 1), most)
}
