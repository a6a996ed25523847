// Package management is the service behind the management app: it owns wikis as
// things that are made, listed, renamed, opened to the public, given tokens and
// deleted. It answers /api/* on the root host. It never touches a page or a
// repository: the wiki's record is all it needs, and what must happen elsewhere
// (first pages, removal of files) follows from the events that the records emit
// with each change.
//
// # Life of a request
//
// The gateway's [wikibot.io/pkg/web.Stack] has refused cross-origin state changes.
// The authenticator reads the root host's session cookie, or the personal token of
// the command line, which may only read here; no other proof opens this API, so a
// leaked token cannot make itself a successor. A request with neither ends here
// with 401, on every path alike. A typed handler
// then checks its input, all fields at once, enters the wiki through
// [wikibot.io/pkg/identity.Gate], makes one call to the records, and answers
// JSON; every error becomes problem+json in one place.
//
// # Life of an event
//
// Page events keep the dashboard's "who touched what last" (a projection in
// which the newest step of the head wins, whatever the order of arrival);
// wiki.deleted removes what belonged to the wiki; user.deleted deletes the wikis
// that a forgotten user owned, and takes their other grants away.
//
// The API is described in contracts/api/management.openapi.json, generated from
// the types here. [CreateWiki] holds the rules for the command line as well.
package management
