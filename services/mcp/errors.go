package mcp

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"wikibot.io/pkg/fault"
)

// maxSide is how much of each side of a conflict is shown, in bytes.
const maxSide = 20_000

// explain turns an error into what a model needs to go on: what failed, and the
// next step. Programs find the kind, and the revision to start from, in _meta;
// structured content is for results that have the tool's output schema.
func (s *Service) explain(v *visit, err error) *toolError {
	kind := fault.KindOf(err)
	msg := ""
	if e, ok := errors.AsType[*fault.Error](err); ok {
		msg = e.Msg
	}
	meta := map[string]any{"kind": string(kind), "request": v.requestID}
	out := &toolError{err: err, meta: mcp.Meta{"wikibot.io/error": meta}}
	var merge *fault.Merge
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Merge != nil {
		merge = e.Merge
		meta["current_revision"] = merge.CurrentRevision
	}
	out.say(s.advice(v, kind, msg, merge))
	if kind == fault.Conflict && merge != nil {
		out.side("base: the text that both changes started from", merge.Base)
		out.side("theirs: the note as it is now", merge.Theirs)
		out.side("yours: the text that was not saved", merge.Yours)
	}
	return out
}

// advice is the switch from kinds of error to words.
func (s *Service) advice(v *visit, kind fault.Kind, msg string, merge *fault.Merge) string {
	switch kind {
	case fault.NotFound:
		return "Not found: " + msg + ". list_notes and search_notes show what there is; write_note without revision creates a note."
	case fault.Invalid:
		return "Invalid request: " + msg
	case fault.Exists:
		if merge != nil {
			return "Conflict: " + msg + ". Nothing was changed. To overwrite the note, read it with read_note and send its revision (now " + short(merge.CurrentRevision) + ") with write_note."
		}
		return "Conflict: " + msg + ". Nothing was changed; choose another path."
	case fault.Conflict:
		if merge == nil {
			return "Conflict: " + msg + ". Nothing was changed; read the note again with read_note, then retry."
		}
		return "Conflict: " + msg + ". Nothing was changed. The three texts follow: put both changes into \"theirs\" and send the result with revision " + short(merge.CurrentRevision) + "."
	case fault.Limit:
		return "Limit reached: " + msg + ". Existing notes can still be edited and deleted; the wiki's owner can change the plan at " + s.hosts.Root("/app/") + "."
	case fault.TooLarge:
		return "Too large: " + msg + ". Nothing was changed; split the text over several notes and link them."
	case fault.Unauthenticated:
		return "Not allowed: " + msg + ". Connect to " + s.hosts.Wiki(v.Wiki.Slug, endpoint) + " anew: a client that speaks OAuth needs nothing but that URL and lets the person sign in; any other sends a token of this wiki (header Authorization: Bearer …), which its owner creates at " + s.hosts.Root("/app/") + "."
	case fault.Denied:
		return "Not allowed: " + msg + ". Connect to " + s.hosts.Wiki(v.Wiki.Slug, endpoint) + " anew and allow writing, or send a token that may write; or ask the wiki's owner for the right to."
	case fault.TooMany:
		return "Too often: " + msg + ". Nothing was changed; go on after a pause."
	case fault.Unavailable:
		return "Unavailable: " + msg + ". Nothing was changed; the same call may succeed in a few seconds."
	default:
		return "Error: " + internal(v) + "."
	}
}

func (e *toolError) say(text string) {
	e.content = append(e.content, &mcp.TextContent{Text: text})
}

// side adds one text of a conflict as a block of its own, so that it stands
// exactly as it is.
func (e *toolError) side(title, text string) {
	if shown := cut(text, maxSide); len(shown) < len(text) {
		text = shown
		title += fmt.Sprintf(" (the first %d bytes; read_note shows notes section by section)", len(shown))
	}
	e.say("--- " + title + "\n" + text)
}

// cut returns the first n bytes of a text, less those of a character that they
// would split.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// short is a revision as texts show it: 8 digits name a commit of one wiki, and
// every tool takes them back.
func short(revision string) string { return revision[:min(len(revision), 8)] }
