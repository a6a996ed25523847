package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// receive stands between the SDK and every method.
func (s *Service) receive(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (res mcp.Result, err error) {
		// The SDK calls us on a goroutine of its own, where a panic would end the
		// process and not just the request.
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
				visitOf(ctx).fail(err)
				res, err = nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: internal(visitOf(ctx))}
			}
		}()
		switch method {
		case "subscriptions/listen":
			// It would hold a connection open for changes that are never announced.
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeMethodNotFound, Message: "this server announces no changes"}
		case "tools/call":
			if call, ok := req.(*mcp.CallToolRequest); ok {
				s.rename(call.Params)
			}
		}
		res, err = next(ctx, method, req)
		switch r := res.(type) {
		case *mcp.InitializeResult:
			if r != nil {
				r.Instructions = s.instructions(ctx)
			}
		case *mcp.DiscoverResult:
			if r != nil {
				r.Instructions = s.instructions(ctx)
			}
		case *mcp.CallToolResult:
			if r != nil {
				settle(r)
			}
		}
		return res, err
	}
}

// settle gives a failed call the content that its error carries.
func settle(r *mcp.CallToolResult) {
	if f, ok := errors.AsType[*toolError](r.GetError()); ok {
		r.Content, r.Meta = f.content, f.meta
	}
}

const maxName = 100 // bytes of a wiki's name in the instructions

// instructions is what clients may show a model when they connect. The wiki's
// name is what its owner typed: one short line of it is quoted, no more.
func (s *Service) instructions(ctx context.Context) string {
	w := visitOf(ctx).Wiki
	name := strings.Join(strings.Fields(w.Name), " ")
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "…"
	}
	return fmt.Sprintf("The wiki %q at %s: Markdown notes that people and agents write together, with full history. "+
		"Home is the note to start at. The note \"Meta/Wiki Usage Guide\" says how this wiki is kept. "+
		"A note is read before it is changed; write_note and edit_note take the revision that was read. "+
		"Notes link to each other with [[Page]] or [[Title|Page]].", name, s.hosts.Wiki(w.Slug, "/"))
}

// aliases are other names by which models call our parameters.
var aliases = map[string]string{
	"page": "path", "note": "path", "note_path": "path", "page_path": "path", "identifier": "path", "old_path": "path",
	"text": "content", "body": "content", "markdown": "content", "new_content": "content",
	"find": "old_string", "find_text": "old_string", "old_str": "old_string", "old_text": "old_string",
	"replace": "new_string", "replacement": "new_string", "new_str": "new_string", "new_text": "new_string",
	"q": "query", "search": "query", "search_query": "query",
	"to": "new_path", "destination": "new_path", "new_name": "new_path", "destination_path": "new_path",
	"message": "commit_message", "heading": "section",
	"n": "limit", "count": "limit", "max_results": "limit", "page_size": "limit", "next_cursor": "cursor",
}

// rename gives arguments their proper names where the tool has such a parameter
// and it was not given itself.
func (s *Service) rename(p *mcp.CallToolParamsRaw) {
	known := s.params[p.Name]
	var args map[string]json.RawMessage
	if known == nil || json.Unmarshal(p.Arguments, &args) != nil {
		return
	}
	changed := false
	for name, value := range args {
		proper := aliases[name]
		if _, given := args[proper]; known[name] || !known[proper] || given {
			continue
		}
		args[proper] = value
		delete(args, name)
		changed = true
	}
	if changed {
		if raw, err := json.Marshal(args); err == nil {
			p.Arguments = raw
		}
	}
}

// toolError is an error as a tool result shows it.
type toolError struct {
	err     error
	content []mcp.Content
	meta    mcp.Meta
}

func (e *toolError) Error() string { return e.err.Error() }
func (e *toolError) Unwrap() error { return e.err }

func internal(v *visit) string {
	return "something went wrong on our side. Trying again may help; if it does not, report request " + v.requestID
}

// unauthorised is what calls that write are answered with by those who may only
// read.
func (s *Service) unauthorised(v *visit) error {
	switch p := v.Principal; {
	case p.Kind == identity.Anonymous:
		return fault.New(fault.Unauthenticated, "change wiki %q: reading is open to everyone, writing is not", v.Wiki.Slug)
	case p.WikiID != "" && p.WikiID != v.Wiki.ID:
		return fault.New(fault.Denied, "change wiki %q: this %s is of another wiki", v.Wiki.Slug, means[p.Kind])
	case p.MaxRole == records.Viewer:
		return fault.New(fault.Denied, "change wiki %q: this %s may only read", v.Wiki.Slug, means[p.Kind])
	default:
		return fault.New(fault.Denied, "change wiki %q: the person that you act for may only read it", v.Wiki.Slug)
	}
}

// means is what callers come with whose rights can be less than the person's.
var means = map[identity.Kind]string{identity.WikiToken: "token", identity.ConnectedAgent: "connection"}
