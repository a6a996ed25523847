package management

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// register lists the operations of the API.
func (s *Service) register() {
	operation(s.api, huma.Operation{
		OperationID: "getMe", Method: http.MethodGet, Path: "/api/me",
		Summary: "The signed-in user",
	}, s.me)
	operation(s.api, huma.Operation{
		OperationID: "listWikis", Method: http.MethodGet, Path: "/api/wikis",
		Summary: "The user's wikis, newest activity first",
	}, s.listWikis)
	operation(s.api, huma.Operation{
		OperationID: "createWiki", Method: http.MethodPost, Path: "/api/wikis", DefaultStatus: http.StatusCreated,
		Summary: "Create a wiki and its default token",
	}, s.createWiki)
	operation(s.api, huma.Operation{
		OperationID: "getWiki", Method: http.MethodGet, Path: "/api/wikis/{slug}",
		Summary: "One wiki; its tokens too for the owner",
	}, s.getWiki)
	operation(s.api, huma.Operation{
		OperationID: "updateWiki", Method: http.MethodPatch, Path: "/api/wikis/{slug}",
		Summary: "Change a wiki's name, visibility or git access",
	}, s.updateWiki)
	operation(s.api, huma.Operation{
		OperationID: "deleteWiki", Method: http.MethodDelete, Path: "/api/wikis/{slug}", DefaultStatus: http.StatusNoContent,
		Summary: "Delete a wiki for good",
	}, s.deleteWiki)
	operation(s.api, huma.Operation{
		OperationID: "replaceToken", Method: http.MethodPost, Path: "/api/wikis/{slug}/token", DefaultStatus: http.StatusCreated,
		Summary: "Replace the default token; the former one is dead at once",
	}, s.replaceToken)
	operation(s.api, huma.Operation{
		OperationID: "checkName", Method: http.MethodGet, Path: "/api/names/{name}",
		Summary: "Whether the user may give a wiki this slug",
	}, s.name)
}
