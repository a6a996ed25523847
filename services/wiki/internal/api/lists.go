package api

import (
	"strings"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/index"
)

// ListedPage is a page in a list.
type ListedPage struct {
	Name          string   `json:"name"`
	Path          string   `json:"path"`
	Category      *string  `json:"category" nullable:"true"`
	Tags          []string `json:"tags" nullable:"false"`
	LastUpdated   string   `json:"last_updated" format:"date"`
	ContentLength int      `json:"content_length" doc:"Words of the body"`
}

type listInput struct {
	Prefix       string `query:"prefix" doc:"Beginning of the path; case does not matter"`
	Category     string `query:"category" doc:"Front matter's category; case does not matter"`
	Tag          string `query:"tag" doc:"One of front matter's tags; case does not matter"`
	UpdatedSince string `query:"updated_since" doc:"ISO 8601 date or date and time; without a zone it is UTC" example:"2026-11-01"`
	Limit        int    `query:"limit" minimum:"1" maximum:"1000" doc:"How many to list; all if left out"`
	After        string `query:"after" doc:"Continue after this path: the next of the answer before"`
}

type listOutput struct {
	Body struct {
		Pages []ListedPage `json:"pages" nullable:"false"`
		Total int          `json:"total" doc:"How many pass the filters, listed or not"`
		Next  string       `json:"next,omitempty" doc:"Send as after to go on"`
	} `nameHint:"PageList"`
}

func (s *service) list(r request, in *listInput) (*listOutput, error) {
	since, err := moment(in.UpdatedSince)
	if err != nil {
		return nil, err
	}
	view, err := s.engine.Index(r, r.wiki)
	if err != nil {
		return nil, err
	}
	// One more than asked for tells whether there is more.
	f := index.Filter{Prefix: in.Prefix, Category: in.Category, Tag: in.Tag, UpdatedSince: since, After: in.After}
	if in.Limit > 0 {
		f.Limit = in.Limit + 1
	}
	pages, total, err := view.Pages(r, f)
	if err != nil {
		return nil, err
	}
	out := new(listOutput)
	if in.Limit > 0 && len(pages) > in.Limit {
		pages = pages[:in.Limit]
		out.Body.Next = pages[len(pages)-1].Path
	}
	out.Body.Total, out.Body.Pages = total, make([]ListedPage, 0, len(pages))
	for _, p := range pages {
		l := ListedPage{
			Name: p.Title, Path: p.Path, Tags: list(p.Tags),
			LastUpdated: p.Last.When.UTC().Format(time.DateOnly), ContentLength: p.Words,
		}
		if p.Category != "" {
			l.Category = &p.Category
		}
		out.Body.Pages = append(out.Body.Pages, l)
	}
	return out, nil
}

// moment reads the forms of ISO 8601 that clients send; the zero time for "".
func moment(raw string) (time.Time, error) {
	if raw == "" {
		return time.Time{}, nil
	}
	// A "+" that was not encoded arrives as a space.
	s := strings.Replace(raw, " ", "+", 1)
	if len(raw) > 10 && raw[10] == ' ' {
		s = raw[:10] + "T" + strings.Replace(raw[11:], " ", "+", 1)
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.Invalidf("updated_since", "%q is no ISO 8601 date such as 2026-11-01 or 2026-11-01T09:30:00Z", clip(raw))
}

// Hit is a search result.
type Hit struct {
	Name    string  `json:"name"`
	Path    string  `json:"path"`
	Snippet string  `json:"snippet"`
	Score   float64 `json:"score" doc:"0 to 1, higher is better"`
}

type searchInput struct {
	Query  string `query:"q" required:"true" doc:"Words to find; \"quoted words\" must follow each other"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Offset int    `query:"offset" minimum:"0" maximum:"10000"`
}

type searchOutput struct {
	Body struct {
		Query   string `json:"query"`
		Results []Hit  `json:"results" nullable:"false"`
		Total   int    `json:"total" doc:"How many pages match, listed or not"`
	} `nameHint:"SearchResult"`
}

func (s *service) search(r request, in *searchInput) (*searchOutput, error) {
	if strings.TrimSpace(in.Query) == "" {
		return nil, fault.Invalidf("q", "is empty; give the words to search for")
	}
	view, err := s.engine.Index(r, r.wiki)
	if err != nil {
		return nil, err
	}
	hits, total, err := view.Search(r, in.Query, in.Limit, in.Offset)
	if err != nil {
		return nil, err
	}
	out := new(searchOutput)
	out.Body.Query, out.Body.Total, out.Body.Results = in.Query, total, make([]Hit, 0, len(hits))
	for _, h := range hits {
		var text strings.Builder
		for _, span := range h.Snippet {
			text.WriteString(span.Text)
		}
		out.Body.Results = append(out.Body.Results, Hit{h.Title, h.Path, text.String(), h.Score})
	}
	return out, nil
}

type graphOutput struct {
	Body struct {
		Nodes []string `json:"nodes" nullable:"false" doc:"All pages, and targets of links that do not exist"`
		Edges []Edge   `json:"edges" nullable:"false"`
	} `nameHint:"LinkGraph"`
}

// Edge is a link from one page to another.
type Edge struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

func (s *service) graph(r request, _ *struct{}) (*graphOutput, error) {
	view, err := s.engine.Index(r, r.wiki)
	if err != nil {
		return nil, err
	}
	nodes, edges, err := view.Graph(r)
	if err != nil {
		return nil, err
	}
	out := new(graphOutput)
	out.Body.Nodes, out.Body.Edges = list(nodes), make([]Edge, 0, len(edges))
	for _, e := range edges {
		out.Body.Edges = append(out.Body.Edges, Edge(e))
	}
	return out, nil
}

type linksOutput struct {
	Body struct {
		Path       string   `json:"path"`
		LinksTo    []string `json:"links_to" nullable:"false"`
		LinkedFrom []string `json:"linked_from" nullable:"false"`
	} `nameHint:"PageLinks"`
}

func (s *service) links(r request, in *OnPage) (*linksOutput, error) {
	view, err := s.engine.Index(r, r.wiki)
	if err != nil {
		return nil, err
	}
	to, from, err := view.Links(r, in.Path)
	if err != nil {
		return nil, err
	}
	out := new(linksOutput)
	out.Body.Path, out.Body.LinksTo, out.Body.LinkedFrom = in.Path, list(to), list(from)
	return out, nil
}

// stamp is how all times are written but the dates of lists: RFC 3339 in UTC,
// whole seconds, as git keeps them.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
