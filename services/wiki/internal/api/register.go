package api

import (
	"context"
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"wikibot.io/pkg/rest"
)

// register is the table of operations.
func (s *service) register() {
	rest.Register(s.api, huma.Operation{
		OperationID: "health", Method: http.MethodGet, Path: "/health", Summary: "Whether the API answers",
		Tags: []string{"service"}, Security: []map[string][]string{},
	}, health)

	pages, history, links := []string{"pages"}, []string{"history"}, []string{"links and search"}
	add(s, huma.Operation{OperationID: "list-pages", Method: http.MethodGet, Path: "/pages", Summary: "List pages; all filters must hold", Tags: pages}, s.list)
	add(s, huma.Operation{OperationID: "read-page", Method: http.MethodGet, Path: "/pages/{path}", Summary: "Read a page", Tags: pages}, s.read)
	add(s, huma.Operation{
		OperationID: "write-page", Method: http.MethodPut, Path: "/pages/{path}", Summary: "Create or overwrite a page", Tags: pages,
		Description: "Without a revision the page must not exist. With one, changes made since by others are merged if they are elsewhere in the text; " +
			"if they overlap, the answer is 409 with the revision to read and the three texts.",
	}, s.write)
	add(s, huma.Operation{
		OperationID: "edit-page", Method: http.MethodPatch, Path: "/pages/{path}", Summary: "Replace one exact string of a page", Tags: pages,
		Description: "old_string must occur exactly once.",
	}, s.edit)
	add(s, huma.Operation{
		OperationID: "delete-page", Method: http.MethodDelete, Path: "/pages/{path}", Summary: "Delete a page and its attachments", Tags: pages,
		Description: "Sub-pages stay, and so does the page's history.",
	}, s.remove)
	add(s, huma.Operation{
		OperationID: "rename-page", Method: http.MethodPost, Path: "/pages/{path}/rename", Summary: "Move a page and rewrite the links to it", Tags: pages,
	}, s.rename)

	add(s, huma.Operation{OperationID: "page-history", Method: http.MethodGet, Path: "/pages/{path}/history", Summary: "The commits that touched a page, newest first, across renames", Tags: history}, s.history)
	add(s, huma.Operation{OperationID: "page-diff", Method: http.MethodGet, Path: "/pages/{path}/diff", Summary: "Compare two revisions of a page", Tags: history}, s.diff)
	add(s, huma.Operation{OperationID: "changelog", Method: http.MethodGet, Path: "/changelog", Summary: "The commits of the wiki, newest first", Tags: history}, s.changelog)
	add(s, huma.Operation{OperationID: "changelog-entry", Method: http.MethodGet, Path: "/changelog/{revision}", Summary: "One commit with all it changed", Tags: history}, s.change)

	add(s, huma.Operation{OperationID: "search", Method: http.MethodGet, Path: "/search", Summary: "Search the text of all pages", Tags: links}, s.search)
	add(s, huma.Operation{OperationID: "link-graph", Method: http.MethodGet, Path: "/links", Summary: "All links between pages", Tags: links}, s.graph)
	add(s, huma.Operation{OperationID: "page-links", Method: http.MethodGet, Path: "/links/{path}", Summary: "The links from and to a page, which need not exist", Tags: links}, s.links)

	s.tidy()
}

// tidy mends what huma cannot be told about the description.
func (s *service) tidy() {
	schemas := s.api.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own problem details, which we never send
	delete(schemas, "ErrorDetail")
	requests := map[string]bool{"WritePage": true, "EditPage": true, "DeletePage": true, "RenamePage": true}
	for name, schema := range schemas {
		if !requests[name] {
			schema.AdditionalProperties = nil // answers may grow
		}
	}

	// huma documents one success per operation; a write has two.
	put := s.api.OpenAPI().Paths["/pages/{path}"].Put
	created := *put.Responses["200"]
	created.Description, created.Content = "Created", maps.Clone(created.Content)
	put.Responses["201"] = &created
	put.Responses["200"].Description = "Updated"
}

type healthOutput struct {
	Body struct {
		Status string `json:"status" enum:"ok"`
	} `nameHint:"Health"`
}

func health(context.Context, *struct{}) (*healthOutput, error) {
	out := new(healthOutput)
	out.Body.Status = "ok"
	return out, nil
}
