// Package oauth is the authorization server of the fleet (OAuth 2.1): it lets
// people connect agents to wikis, and the command line to their account. One
// issuer, the root host; one resource per wiki, its MCP URL.
//
// It owns clients, consent, codes and tokens. It never says what a token opens:
// whoever is shown one reads the rights from the records on each request. It
// knows no passwords and no secrets of clients: all clients are public, so that
// PKCE (S256 alone), exact redirect URIs and consent each time have to do.
//
// # Life of a connection
//
//	client                         person's browser                  here
//	  │  who are you (RFC 8414) ───────────────────────────────────────▶│
//	  │  register (RFC 7591), or have a document at the client's id     │
//	  │  open ────────────────────────▶│  GET /oauth/authorize ────────▶│ client, redirect: else a page
//	  │                                │◀── sign-in, if need be ────────│ then the rest: else an error back
//	  │                                │◀── consent: a ticket in a form │ only for wikis they may read
//	  │                                │  POST, the decision ──────────▶│ ticket spent: the first one counts
//	  │◀── code, state, iss ───────────│◀── 303 ────────────────────────│ code follows from the ticket
//	  │  POST /oauth/token: code, verifier ────────────────────────────▶│ checked, then made, then spent
//	  │◀── access token, 24 hours; refresh token ───────────────────────│ a records.Connection
//	  │  POST /oauth/token: refresh token ─────────────────────────────▶│ rotated; the last one again within a minute
//
// A code that comes twice with its verifier, and a refresh token that was used
// before, have leaked: what was made by them ends. What is wrong with a request is found before the
// code or token in it is used up.
//
// The command line is a client that is built in. It goes the same way, or shows a
// code to type on another screen (RFC 8628), and is given a session of its own
// instead of a connection.
package oauth
