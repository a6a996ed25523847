// Package problem defines the problem details (RFC 9457) with which every API
// of the fleet answers when it cannot do what was asked.
package problem

// MediaType is the content type of an encoded [Problem].
const MediaType = "application/problem+json"

// Type is the relative URI that names a kind of problem. It resolves against
// the root host, where the documentation of each stands.
type Type string

// The problem types. Clients switch on these, never on titles or details.
const (
	Invalid         Type = "/problems/invalid"
	Unauthenticated Type = "/problems/unauthenticated"
	Forbidden       Type = "/problems/forbidden"
	NotFound        Type = "/problems/not-found"
	Method          Type = "/problems/method"
	Exists          Type = "/problems/exists"
	Conflict        Type = "/problems/conflict"
	LimitReached    Type = "/problems/limit-reached"
	TooLarge        Type = "/problems/too-large"
	TooMany         Type = "/problems/too-many"
	Unavailable     Type = "/problems/unavailable"
	Internal        Type = "/problems/internal"
)

// Problem is the body of an error response.
type Problem struct {
	Type     Type   `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"` // the request's id, for support

	// Errors lists every field that was wrong, all at once.
	Errors []Field `json:"errors,omitempty"`

	// Error repeats Detail (or Title) for clients of the older wiki API, whose
	// errors were {"error": text}.
	Error string `json:"error"`

	// CurrentRevision is set on Conflict: the revision to read before retrying.
	CurrentRevision string `json:"current_revision,omitempty"`
	// Conflict carries the three texts that could not be merged.
	Conflict *Merge `json:"conflict,omitempty"`
}

// Field is one wrong field of a request.
type Field struct {
	Field   string `json:"field"` // name in the request body or query, "path" for the page path
	Message string `json:"message"`
}

// Merge holds what a writer needs to settle a conflict. Each text is a whole
// page; Base is empty when both sides created the page.
type Merge struct {
	Base   string `json:"base"`
	Theirs string `json:"theirs"`
	Yours  string `json:"yours"`
}
