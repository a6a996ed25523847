package mcp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/records"
)

func TestToolsSayWhatTheyDo(t *testing.T) {
	d := newDoor(t)
	s := d.owner(t)
	list, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	type hints struct{ ReadOnly, Destructive, Idempotent bool }
	got := map[string]hints{}
	for _, tool := range list.Tools {
		a := tool.Annotations
		if tool.Title == "" || a == nil || a.DestructiveHint == nil || a.OpenWorldHint == nil || *a.OpenWorldHint || tool.OutputSchema == nil {
			t.Errorf("%s: title %q, annotations %+v, output schema %v", tool.Name, tool.Title, a, tool.OutputSchema)
			continue
		}
		got[tool.Name] = hints{a.ReadOnlyHint, *a.DestructiveHint, a.IdempotentHint}
	}
	read, replace, edit := hints{true, false, true}, hints{false, true, true}, hints{false, true, false}
	want := map[string]hints{
		"read_note": read, "list_notes": read, "search_notes": read, "get_links": read, "get_history": read, "get_recent_changes": read,
		"write_note": replace, "rename_note": replace, "delete_note": replace, "edit_note": edit,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if i := s.InitializeResult().Instructions; !strings.Contains(i, `"docs"`) || !strings.Contains(i, "Meta/Wiki Usage Guide") {
		t.Errorf("instructions: %s", i)
	}
}

func TestReadNote(t *testing.T) {
	d := newDoor(t)
	s := d.owner(t)
	text := "---\ntitle: The Empire\ncategory: History\ntags: [rome, war]\n---\n# Background\nSee [[Home]].\n\n## Military Strategy\nplans\n\n# Aftermath\nend\n"
	made := call(t, s, "write_note", args{"path": "Empire", "content": text}).ok(t, "Created Empire (revision: ")
	call(t, s, "write_note", args{"path": "Rome", "content": "[[Empire]]\n"}).ok(t)

	got := call(t, s, "read_note", args{"path": "Empire"}).ok(t)
	want := "# The Empire\nPath: Empire\nRevision: " + made.rev()[:8] + "\nCategory: History | Tags: rome, war\nLinks to: Home\nLinked from: Rome\n\n---\n" + text
	if diff := cmp.Diff(want, got.text); diff != "" {
		t.Error(diff)
	}
	if got.data["content"] != text || got.rev() != made.rev() || got.data["name"] != "The Empire" {
		t.Errorf("structured: %v", got.data)
	}
	part := call(t, s, "read_note", args{"path": "empire", "section": "military strategy"}).ok(t)
	want = "# The Empire\nPath: Empire\nRevision: " + made.rev()[:8] + "\nSection: Background > Military Strategy\n\n---\n## Military Strategy\nplans\n\n"
	if diff := cmp.Diff(want, part.text); diff != "" {
		t.Error(diff)
	}
	call(t, s, "read_note", args{"path": "Empire", "section": "Navy"}).failed(t, "invalid", "section not found", "- Background\n- Background > Military Strategy\n- Aftermath")
	call(t, s, "read_note", args{"path": "Rome", "section": "x"}).failed(t, "invalid", "no headings")
	call(t, s, "read_note", args{"path": "Nope"}).failed(t, "not found", "write_note", "list_notes")
	call(t, s, "read_note", args{"path": "Empire", "revision": "zz"}).failed(t, "invalid")
	call(t, s, "edit_note", args{"path": "Empire", "old_string": "end", "new_string": "END"}).ok(t)
	call(t, s, "read_note", args{"path": "Empire", "revision": made.rev()[:8]}).ok(t, "Aftermath\nend")
}

func TestLongNotesAreCutWithAWayOn(t *testing.T) {
	d := newDoor(t)
	s := d.owner(t)
	text := "# One\n" + strings.Repeat("é", 40_000) + "\n# Two\n" + strings.Repeat("b", 30_000) + "\n"
	call(t, s, "write_note", args{"path": "Long", "content": text}).ok(t)
	got := call(t, s, "read_note", args{"path": "Long"}).ok(t, "- One\n- Two", "for the rest")
	rest := call(t, s, "read_note", args{"path": "Long", "offset": got.data["next_offset"]}).ok(t)
	if all := got.data["content"].(string) + rest.data["content"].(string); all != text || rest.data["next_offset"] != nil {
		t.Errorf("%d and %d bytes do not make %d", len(got.data["content"].(string)), len(rest.data["content"].(string)), len(text))
	}
	if len(got.text) > 61_000 {
		t.Errorf("%d bytes", len(got.text))
	}
	call(t, s, "read_note", args{"path": "Long", "offset": len(text) + 1}).failed(t, "invalid", "outside")
}

func TestConflictsCarryTheThreeTexts(t *testing.T) {
	d := newDoor(t)
	s := d.owner(t)
	first := call(t, s, "write_note", args{"path": "P", "content": "one\ntwo\nthree\nfour\n"}).ok(t).rev()
	call(t, s, "write_note", args{"path": "P", "content": "x"}).failed(t, "exists", "read_note", first[:8])
	second := call(t, s, "write_note", args{"path": "P", "content": "ONE\ntwo\nthree\nfour\n", "revision": first[:8]}).ok(t, "Updated P").rev()

	call(t, s, "write_note", args{"path": "P", "content": "one\ntwo\nthree\nFOUR\n", "revision": first}).ok(t, "both changes are in")
	clash := call(t, s, "write_note", args{"path": "P", "content": "uno\ntwo\nthree\nfour\n", "revision": first}).failed(t, "conflict",
		"--- base", "\none\ntwo\nthree\nfour\n", "--- theirs", "\nONE\ntwo\nthree\nFOUR\n", "--- yours", "\nuno\ntwo\n")
	now, _ := clash.meta["current_revision"].(string)
	call(t, s, "write_note", args{"path": "P", "content": "Uno\ntwo\nthree\nFOUR\n", "revision": now}).ok(t)
	call(t, s, "write_note", args{"path": "P", "content": "x", "revision": second[:6]}).failed(t, "invalid", "revision")
	call(t, s, "write_note", args{"path": "P", "content": "x", "revision": "01234567"}).failed(t, "invalid", "no revision of this wiki")
}

func TestEditRenameDelete(t *testing.T) {
	d := newDoor(t)
	s := d.owner(t)
	rev := call(t, s, "write_note", args{"path": "A", "content": "x y x\n"}).ok(t).rev()
	call(t, s, "write_note", args{"path": "B", "content": "[[see|A]]\n"}).ok(t)
	call(t, s, "edit_note", args{"path": "A", "revision": rev, "old_string": "x", "new_string": "z"}).failed(t, "invalid", "found 2 times")
	call(t, s, "edit_note", args{"path": "A", "revision": rev, "old_string": "q", "new_string": "z"}).failed(t, "invalid", "not found")
	call(t, s, "edit_note", args{"path": "A", "revision": rev, "old_string": "y", "new_string": "w", "commit_message": "Why"}).ok(t, "Edited A (revision: ")
	call(t, s, "rename_note", args{"path": "A", "new_path": "B"}).failed(t, "exists", "choose another path")
	call(t, s, "rename_note", args{"path": "A", "new_path": "../C"}).failed(t, "invalid", "new_path")
	moved := call(t, s, "rename_note", args{"path": "a", "new_path": "Sub/C"}).ok(t, "Renamed A -> Sub/C (revision: ", "Updated 1 backreferences:\n- B")
	call(t, s, "read_note", args{"path": "B"}).ok(t, "[[see|Sub/C]]")
	call(t, s, "get_history", args{"path": "Sub/C"}).ok(t, "History for Sub/C (3 revisions):\n- "+moved.rev()[:8]+" | ", "Ada via Claude Code\n  Why")
	call(t, s, "get_history", args{"path": "Never"}).ok(t, "No history for Never.")
	call(t, s, "rename_note", args{"path": "B", "new_path": "D"}).ok(t, "No backreferences needed updating.")
	call(t, s, "delete_note", args{"path": "Sub/C"}).ok(t, "Deleted Sub/C")
	call(t, s, "delete_note", args{"path": "Sub/C"}).failed(t, "not found")
}

func TestLists(t *testing.T) {
	d := newDoor(t)
	s := d.owner(t)
	for i := range 7 {
		call(t, s, "write_note", args{"path": fmt.Sprintf("N/%d", i), "content": "---\ncategory: Num\ntags: [n]\n---\nzirconium word [[Hub]]\n"}).ok(t)
	}
	got := call(t, s, "list_notes", args{"prefix": "n/", "category": "num", "limit": 5}).ok(t, "Found 7 notes matching prefix=n/, category=num:\n- N/0 (category: Num, tags: n, last updated: ", ", 3 words)", "Showing 5 of 7")
	rest := call(t, s, "list_notes", args{"prefix": "n/", "category": "num", "limit": 5, "cursor": got.data["next_cursor"]}).ok(t, "- N/5", "- N/6")
	if rest.data["next_cursor"] != nil || len(rest.data["notes"].([]any)) != 2 {
		t.Errorf("rest: %v", rest.data)
	}
	call(t, s, "list_notes", args{"updated_since": "soon"}).failed(t, "invalid", "ISO 8601")
	call(t, s, "list_notes", args{"tag": "none"}).ok(t, "Found 0 notes matching tag=none:")

	got = call(t, s, "search_notes", args{"query": "zirconium", "limit": 4}).ok(t, `7 results for "zirconium":`, "1. N/", "(score: ", "Showing 4 of 7")
	rest = call(t, s, "search_notes", args{"query": "zirconium", "limit": 4, "cursor": got.data["next_cursor"]}).ok(t, "\n5. N/")
	if rest.data["next_cursor"] != nil {
		t.Errorf("rest: %v", rest.data)
	}
	call(t, s, "search_notes", args{"query": " "}).failed(t, "invalid")
	call(t, s, "search_notes", args{"query": "x", "cursor": "-1"}).failed(t, "invalid", "cursor")
	call(t, s, "get_links", args{"path": "Hub"}).ok(t, "Links to (0):\n(none)", "Linked from (7):\n- N/0")

	got = call(t, s, "get_recent_changes", args{"limit": 3}).ok(t, "3 recent changes:\n- ", " | Ada via Claude Code | N/6\n  ", "Showing 3 of ")
	call(t, s, "get_recent_changes", args{"limit": 3, "cursor": got.data["next_cursor"]}).ok(t, "| N/3\n")
	call(t, s, "get_recent_changes", args{"limit": 100_000}).ok(t)
	call(t, s, "get_recent_changes", args{"cursor": "HEAD"}).failed(t, "invalid", "cursor")
	call(t, s, "get_history", args{"path": "N/1", "limit": -3}).ok(t, "(1 revisions)")
}

// Hubs and long histories stay below what clients take.
func TestAnswersAreBounded(t *testing.T) {
	d := newDoor(t)
	s := d.owner(t)
	long := strings.Repeat("Long folder name/", 10)
	for i := range 60 {
		call(t, s, "write_note", args{"path": fmt.Sprintf("%s%d", long, i), "content": "[[Hub]]", "commit_message": strings.Repeat("why ", 900)}).ok(t)
	}
	call(t, s, "write_note", args{"path": "Hub", "content": "x"}).ok(t)
	hub := call(t, s, "read_note", args{"path": "Hub"}).ok(t, "and 10 more (get_links)")
	if n := len(hub.data["linked_from"].([]any)); n != 50 {
		t.Errorf("%d links beside the note", n)
	}
	call(t, s, "get_links", args{"path": "Hub"}).ok(t, "Linked from (60):")
	seen, answers, cursor := 0, 0, ""
	for ; answers == 0 || cursor != ""; answers++ {
		changes := call(t, s, "get_recent_changes", args{"limit": 200, "cursor": cursor}).ok(t)
		if len(changes.text) > 50_000 {
			t.Errorf("%d bytes", len(changes.text))
		}
		seen += len(changes.data["changes"].([]any))
		cursor, _ = changes.data["next_cursor"].(string)
	}
	if seen != 62 || answers < 2 {
		t.Errorf("%d changes in %d answers", seen, answers)
	}
}

// Names that models use although the schema has others.
func TestOtherNamesOfArguments(t *testing.T) {
	d := newDoor(t)
	s := d.owner(t)
	call(t, s, "write_note", args{"note": "P", "new_content": "one two"}).ok(t)
	call(t, s, "edit_note", args{"page": "P", "find": "one", "replace": "1"}).ok(t)
	call(t, s, "search_notes", args{"q": "two", "max_results": 3}).ok(t, "P (score")
	call(t, s, "read_note", args{"path": "P", "nonsense": 1}).failed(t, "", "nonsense")
	call(t, s, "read_note", args{}).failed(t, "", "path")
	// The proper name wins, and the other is reported.
	call(t, s, "read_note", args{"path": "P", "page": "Q"}).failed(t, "", "page")
}

// Sixteen agents append a line each to one note, some having read it long ago:
// every line is there in the end.
func TestConcurrentEditsLoseNothing(t *testing.T) {
	d := newDoor(t)
	s := d.owner(t)
	const writers, lines = 16, 4
	call(t, s, "write_note", args{"path": "Log", "content": "# Log\n\n<!-- end -->\n"}).ok(t)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			s := d.owner(t)
			for j := range lines {
				line := fmt.Sprintf("- writer %d line %d\n<!-- end -->", i, j)
				if r := call(t, s, "edit_note", args{"path": "Log", "old_string": "<!-- end -->", "new_string": line}); r.fail {
					t.Errorf("writer %d: %s", i, r.text)
				}
			}
		})
	}
	wg.Wait()
	text := call(t, s, "read_note", args{"path": "Log"}).ok(t).data["content"].(string)
	for i := range writers {
		for j := range lines {
			if strings.Count(text, fmt.Sprintf("- writer %d line %d\n", i, j)) != 1 {
				t.Errorf("line %d of writer %d is not there once", j, i)
			}
		}
	}
	if n := len(call(t, s, "get_history", args{"path": "Log", "limit": 200}).data["revisions"].([]any)); n != writers*lines+1 {
		t.Errorf("%d commits, want %d", n, writers*lines+1)
	}
}

// What the schemas promise is what comes: the SDK's server checks it, this says
// that the promise is worth something.
func TestOutputSchemasNameTheirFields(t *testing.T) {
	d := newDoor(t)
	list, err := d.owner(t).ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range list.Tools {
		raw, err := json.Marshal(tool.OutputSchema)
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			Type       string
			Properties map[string]any
		}
		if err := json.Unmarshal(raw, &schema); err != nil || schema.Type != "object" || len(schema.Properties) < 3 {
			t.Errorf("%s: %s", tool.Name, raw)
		}
	}
}

// An agent may ask before the event that puts the first pages in was delivered.
func TestFirstQuestionToANewWiki(t *testing.T) {
	d := newDoor(t)
	w := d.Bare(t, "fresh")
	token := d.Token(t, w, records.Viewer, time.Time{})
	_, raw := d.postTo(t, "fresh", "POST", "/mcp", rpc("tools/call", map[string]any{"name": "list_notes", "arguments": map[string]any{}}),
		"Authorization", "Bearer "+token, "Content-Type", "application/json", "Accept", "application/json, text/event-stream")
	if !strings.Contains(raw, "Meta/Wiki Usage Guide") {
		t.Errorf("the list of a new wiki: %s", raw)
	}
}
