// Package wiki is the service that answers for everything on a wiki host which
// no other service claims: the pages that people see and the REST API below
// /api/v1/.
//
// It owns no data. Pages belong to the engine ([wikibot.io/pkg/wiki]), which
// alone writes them and emits their events; rights belong to the gate
// ([identity.Gate]), which is asked on every request. It consumes wiki.created,
// to put the first pages in, and wiki.deleted, to remove the repository.
//
// # Life of a request
//
// Whoever composes the fleet has wrapped [Service.Handler] in what holds for
// every service (web.Stack) and in what establishes the principal. Paths below
// /api/v1/ go to internal/api, all others to internal/ui; both open the wiki
// that the host names with the gate before they do anything else.
package wiki
