// Package mcp is the agents' door to a wiki: an MCP server (Model Context
// Protocol, Streamable HTTP) at /mcp on every wiki host, whose tools read and
// write pages through the same engine as every other door.
//
// It owns the tools, their texts and limits. It keeps no session and no state:
// every request brings its own credentials, so that any instance may answer it.
// Protocol versions up to 2025-11-25 (initialize) and 2026-07-28
// (server/discover) are both served.
//
// # Life of a connection
//
// A client that is given nothing but the URL asks without a token and is answered
// 401, or, where everybody may read, at its first call of a tool that writes. The
// challenge leads it to the metadata of the wiki (resource.go), that to the
// authorization server, and that to the person, who consents. From then on it
// comes with an access token. Tokens that a person made and pasted work as well.
//
// # Life of a tool call
//
//  1. The authenticator turns the bearer token into a principal. No cookie counts
//     here, and no token in the address.
//  2. The door (door.go) checks host, method, origin, size and text of the
//     request, and enters the wiki for reading. What the client calls itself, for
//     the commits, comes with the request (session.go). A call that writes, by a
//     caller who may not, is refused by HTTP if other credentials would help
//     (scope.go).
//  3. The SDK decodes the message; receive (receive.go) recovers panics, fills in
//     what depends on the wiki, and accepts common other names of arguments.
//  4. The tool checks the right to write if it writes, calls the engine or the
//     index, and returns its answer twice: as text for models, and as structured
//     content for programs.
//  5. An error becomes a tool result with isError that says what to do next
//     (errors.go), never a protocol error: models see the former only.
package mcp
