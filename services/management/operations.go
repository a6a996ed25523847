package management

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"wikibot.io/pkg/rest"
)

// register lists the operations of the API.
func (s *Service) register() {
	read := []map[string][]string{{"session": {}}, {"personal": {}}}
	rest.Register(s.api, huma.Operation{
		OperationID: "getMe", Method: http.MethodGet, Path: "/api/me", Security: read,
		Summary: "The signed-in user",
	}, s.me)
	rest.Register(s.api, huma.Operation{
		OperationID: "listWikis", Method: http.MethodGet, Path: "/api/wikis", Security: read,
		Summary: "The user's wikis, newest activity first",
	}, s.listWikis)
	rest.Register(s.api, huma.Operation{
		OperationID: "createWiki", Method: http.MethodPost, Path: "/api/wikis", DefaultStatus: http.StatusCreated,
		Summary: "Create a wiki and its default token",
	}, s.createWiki)
	rest.Register(s.api, huma.Operation{
		OperationID: "getWiki", Method: http.MethodGet, Path: "/api/wikis/{slug}", Security: read,
		Summary: "One wiki; its tokens too for the owner",
	}, s.getWiki)
	rest.Register(s.api, huma.Operation{
		OperationID: "updateWiki", Method: http.MethodPatch, Path: "/api/wikis/{slug}",
		Summary: "Change a wiki's name, visibility or git access",
	}, s.updateWiki)
	rest.Register(s.api, huma.Operation{
		OperationID: "deleteWiki", Method: http.MethodDelete, Path: "/api/wikis/{slug}", DefaultStatus: http.StatusNoContent,
		Summary: "Delete a wiki for good",
	}, s.deleteWiki)
	rest.Register(s.api, huma.Operation{
		OperationID: "replaceToken", Method: http.MethodPost, Path: "/api/wikis/{slug}/token", DefaultStatus: http.StatusCreated,
		Summary: "Replace the default token; the former one is dead at once",
	}, s.replaceToken)
	rest.Register(s.api, huma.Operation{
		OperationID: "checkName", Method: http.MethodGet, Path: "/api/names/{name}", Security: read,
		Summary: "Whether the user may give a wiki this slug",
	}, s.name)
}
