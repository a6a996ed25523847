package mcp

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/pagepath"
)

type listInput struct {
	Prefix       string `json:"prefix,omitempty" jsonschema:"Beginning of the path; case does not matter"`
	Category     string `json:"category,omitempty" jsonschema:"Category in the front matter; case does not matter"`
	Tag          string `json:"tag,omitempty" jsonschema:"One of the tags in the front matter; case does not matter"`
	UpdatedSince string `json:"updated_since,omitempty" jsonschema:"ISO 8601 date, such as 2026-11-01, or date and time"`
	Limit        int    `json:"limit,omitempty" jsonschema:"How many to list: 1 to 500, 200 if left out"`
	Cursor       string `json:"cursor,omitempty" jsonschema:"next_cursor of the answer before, to go on"`
}

type listedNote struct {
	Name        string   `json:"name"`
	Path        string   `json:"path"`
	Category    string   `json:"category,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	LastUpdated string   `json:"last_updated"`
	Words       int      `json:"words"`
}

type listOutput struct {
	Notes      []listedNote `json:"notes"`
	Total      int          `json:"total" jsonschema:"How many pass the filters, listed or not"`
	NextCursor string       `json:"next_cursor,omitempty" jsonschema:"Set if there are more"`
}

func (s *Service) listNotes(c call, in listInput) (string, listOutput, error) {
	since, err := moment(in.UpdatedSince)
	if err != nil {
		return "", listOutput{}, err
	}
	view, err := s.engine.Index(c, c.Wiki)
	if err != nil {
		return "", listOutput{}, err
	}
	limit := clamp(in.Limit, 200, 500)
	pages, total, err := view.Pages(c, index.Filter{
		Prefix: in.Prefix, Category: in.Category, Tag: in.Tag, UpdatedSince: since, After: in.Cursor, Limit: limit + 1,
	})
	if err != nil {
		return "", listOutput{}, err
	}
	out := listOutput{Notes: []listedNote{}, Total: total}
	if len(pages) > limit {
		pages = pages[:limit]
		out.NextCursor = pages[limit-1].Path
	}
	size := 0
	for i, p := range pages {
		if size > maxList {
			out.NextCursor = pages[i-1].Path
			break
		}
		size += len(p.Path) + len(p.Category) + len(strings.Join(p.Tags, ", ")) + 60
		out.Notes = append(out.Notes, listedNote{p.Title, p.Path, p.Category, p.Tags, p.Last.When.UTC().Format(time.DateOnly), p.Words})
	}
	return listText(in, out), out, nil
}

func listText(in listInput, out listOutput) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Found %d notes", out.Total)
	var filters []string
	for _, f := range [][2]string{{"prefix", in.Prefix}, {"category", in.Category}, {"tag", in.Tag}, {"updated_since", in.UpdatedSince}} {
		if f[1] != "" {
			filters = append(filters, f[0]+"="+f[1])
		}
	}
	if len(filters) > 0 {
		b.WriteString(" matching " + strings.Join(filters, ", "))
	}
	b.WriteString(":")
	for _, n := range out.Notes {
		var about []string
		if n.Category != "" {
			about = append(about, "category: "+n.Category)
		}
		if len(n.Tags) > 0 {
			about = append(about, "tags: "+strings.Join(n.Tags, ", "))
		}
		about = append(about, "last updated: "+n.LastUpdated, strconv.Itoa(n.Words)+" words")
		fmt.Fprintf(&b, "\n- %s (%s)", n.Path, strings.Join(about, ", "))
	}
	if out.NextCursor != "" {
		more(&b, len(out.Notes), out.Total, out.NextCursor)
	}
	return b.String()
}

func more(b *strings.Builder, shown, total int, cursor string) {
	fmt.Fprintf(b, "\n\nShowing %d of %d; call again with cursor %q for more.", shown, total, cursor)
}

// moment reads an ISO 8601 date; the zero time for "".
func moment(raw string) (time.Time, error) {
	if raw == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, raw); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.Invalidf("updated_since", "%q is no ISO 8601 date such as 2026-11-01 or 2026-11-01T09:30:00Z", cut(raw, 40))
}

type searchInput struct {
	Query  string `json:"query" jsonschema:"Words to find"`
	Limit  int    `json:"limit,omitempty" jsonschema:"How many to return: 1 to 50, 20 if left out"`
	Cursor string `json:"cursor,omitempty" jsonschema:"next_cursor of the answer before, to go on"`
}

type hit struct {
	Name    string  `json:"name"`
	Path    string  `json:"path"`
	Snippet string  `json:"snippet"`
	Score   float64 `json:"score" jsonschema:"0 to 1, higher is better"`
}

type searchOutput struct {
	Results    []hit  `json:"results"`
	Total      int    `json:"total" jsonschema:"How many notes match, returned or not"`
	NextCursor string `json:"next_cursor,omitempty" jsonschema:"Set if there are more"`
}

func (s *Service) searchNotes(c call, in searchInput) (string, searchOutput, error) {
	if strings.TrimSpace(in.Query) == "" {
		return "", searchOutput{}, fault.Invalidf("query", "is empty; give the words to search for")
	}
	offset := 0
	if in.Cursor != "" {
		var err error
		if offset, err = strconv.Atoi(in.Cursor); err != nil || offset < 0 || offset > 10_000 {
			return "", searchOutput{}, fault.Invalidf("cursor", "%q is none; send next_cursor of the answer before", cut(in.Cursor, 40))
		}
	}
	view, err := s.engine.Index(c, c.Wiki)
	if err != nil {
		return "", searchOutput{}, err
	}
	hits, total, err := view.Search(c, in.Query, clamp(in.Limit, 20, 50), offset)
	if err != nil {
		return "", searchOutput{}, err
	}
	out := searchOutput{Results: []hit{}, Total: total}
	var b strings.Builder
	fmt.Fprintf(&b, "%d results for %q:", total, in.Query)
	for i, h := range hits {
		var snippet strings.Builder
		for _, span := range h.Snippet {
			snippet.WriteString(span.Text)
		}
		text := strings.Join(strings.Fields(snippet.String()), " ")
		out.Results = append(out.Results, hit{h.Title, h.Path, text, h.Score})
		fmt.Fprintf(&b, "\n%d. %s (score: %.2f)\n   %s", offset+i+1, h.Path, h.Score, text)
	}
	if next := offset + len(hits); next < total && len(hits) > 0 {
		out.NextCursor = strconv.Itoa(next)
		more(&b, len(hits), total, out.NextCursor)
	}
	return b.String(), out, nil
}

type linksInput struct {
	Path string `json:"path" jsonschema:"Path of the note"`
}

type linksOutput struct {
	Path       string   `json:"path"`
	LinksTo    []string `json:"links_to"`
	LinkedFrom []string `json:"linked_from"`
	TotalTo    int      `json:"total_to" jsonschema:"Links in all, listed or not"`
	TotalFrom  int      `json:"total_from"`
}

// maxLinks is how many links of one direction are listed: everything may link
// to a hub.
const maxLinks = 500

func first(paths []string, n int) []string { return paths[:min(len(paths), n)] }

func (s *Service) getLinks(c call, in linksInput) (string, linksOutput, error) {
	view, err := s.engine.Index(c, c.Wiki)
	if err != nil {
		return "", linksOutput{}, err
	}
	to, from, err := view.Links(c, in.Path)
	if err != nil {
		return "", linksOutput{}, err
	}
	out := linksOutput{pagepath.Clean(in.Path), list(first(to, maxLinks)), list(first(from, maxLinks)), len(to), len(from)}
	var b strings.Builder
	fmt.Fprintf(&b, "Links for %s:\n\nLinks to (%d):\n", out.Path, len(to))
	bullets(&b, out.LinksTo, len(to))
	fmt.Fprintf(&b, "\nLinked from (%d):\n", len(from))
	bullets(&b, out.LinkedFrom, len(from))
	return strings.TrimRight(b.String(), "\n"), out, nil
}

func bullets(b *strings.Builder, paths []string, total int) {
	if total == 0 {
		b.WriteString("(none)\n")
	}
	for _, p := range paths {
		fmt.Fprintf(b, "- %s\n", p)
	}
	if rest := total - len(paths); rest > 0 {
		fmt.Fprintf(b, "and %d more; search_notes and list_notes narrow them down\n", rest)
	}
}
