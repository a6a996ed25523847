// Package api is the account as the management app sees it: /api/account on the
// root host, typed, described by OpenAPI (contracts/api/account.openapi.json).
//
// It owns the wire shapes and what may be shown of a user's own records: never a
// hash, a seed, or anything else that a secret could be made or checked with. It
// takes a browser's session and no other proof: neither a token of the command
// line nor an agent may end sessions, connect or disconnect, or delete the person
// they act for.
//
// # Life of a request
//
// The gateway's [wikibot.io/pkg/web.Stack] has refused state changes of other
// origins. Who is not signed in with a browser ends here with 401, or 403 with a
// personal token, on every path alike. What changes something, and the export, is
// counted by address and by user. A typed handler then makes one call or a few to
// the records; all of them name the session's own user, so that an id of somebody
// else's is one that does not exist.
package api
