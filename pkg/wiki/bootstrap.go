package wiki

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"text/template"

	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
)

//go:embed firstpages
var firstPages embed.FS

// category is one of those the first pages propose.
type category struct{ Name, Description, Convention string }

var categories = []category{
	{"actor", "a person, organisation or system that acts", "who they are, what they want, what they did; dates with every deed."},
	{"event", "something that happened at a time", "when, where, who, what followed; keep to what is known."},
	{"trend", "something that changes over time", "what changes, since when, how it is measured, the latest figure."},
	{"hypothesis", "something that may be true", "the claim first, then what speaks for it and what against it, then how sure we are."},
	{"variable", "a quantity that is worth following", "unit, source, how often it is renewed, a table of values."},
	{"reference", "facts and instructions to look up", "short, complete, up to date."},
	{"index", "a page that leads to others", "one line for each page it leads to, saying why one would go there."},
}

// system is the author of what nobody in particular wrote: a program, acting for
// nobody but itself.
var system = Author{Name: "wikibot", Email: "wikibot@users.noreply.invalid", Agent: "wikibot"}

// Bootstrap puts the first pages into a new wiki. It does nothing if the wiki
// has a commit already, so it may run any number of times, at once too.
func (e *Engine) Bootstrap(ctx context.Context, wikiID string) error {
	q, err := e.writers.enter(ctx, wikiID)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "put the first pages into wiki %s: gave up waiting", wikiID)
	}
	defer e.writers.leave(wikiID, q)
	w, err := e.records.Wiki(ctx, wikiID)
	if err != nil {
		return err
	}
	if w.Head != "" {
		return nil
	}
	in, err := drawFirstPages(w)
	if err != nil {
		return err
	}
	s, err := e.at(ctx, w)
	if err != nil {
		return err
	}
	next, _, err := e.commit(ctx, w, s, system, nil, in)
	if _, moved := errors.AsType[*records.HeadMovedError](err); moved {
		return nil
	}
	if err != nil {
		return err
	}
	q.last = next
	e.mirror(ctx, next)
	return nil
}

// Begun returns the wiki with its first pages. They are put in by an event; a
// visitor who is faster than the event, at whatever door, does not find a wiki
// without a repository.
func (e *Engine) Begun(ctx context.Context, w records.Wiki) (records.Wiki, error) {
	if w.Head != "" {
		return w, nil
	}
	if err := e.Bootstrap(ctx, w.ID); err != nil {
		return w, err
	}
	return e.records.Wiki(ctx, w.ID)
}

func drawFirstPages(w records.Wiki) (*intent, error) {
	names := make([]string, len(categories))
	for i, c := range categories {
		names[i] = c.Name
	}
	facts := map[string]any{
		"Name":         plainLine(w.Name),
		"Title":        strconv.Quote(plainLine(w.Name)), // a YAML string
		"Today":        w.CreatedAt.UTC().Format("2006-01-02"),
		"Categories":   categories,
		"CategoryEnum": strings.Join(names, " | "),
	}
	in := &intent{message: "Put the first pages in", data: saved}
	err := fs.WalkDir(firstPages, "firstpages", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		src, err := firstPages.ReadFile(path)
		if err != nil {
			return err
		}
		t, err := template.New(path).Parse(string(src))
		if err != nil {
			return err
		}
		var text bytes.Buffer
		if err := t.Execute(&text, facts); err != nil {
			return err
		}
		file := strings.TrimPrefix(path, "firstpages/")
		page, _ := pagepath.OfFile(file)
		in.puts = append(in.puts, put{file, text.Bytes()})
		in.changes = append(in.changes, &eventsv1.PageChange{Kind: eventsv1.PageChange_KIND_CREATED, Path: page})
		in.pageDelta++
		return nil
	})
	return in, err
}

// plainLine keeps a wiki's name from being more than a name in the pages it is
// put into.
func plainLine(name string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if strings.ContainsRune("<>[]`", r) {
			return -1
		}
		return r
	}, name)), " ")
}
