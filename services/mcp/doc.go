// Package mcp is the agents' door to a wiki: an MCP server (Model Context
// Protocol, Streamable HTTP) at /mcp on every wiki host, whose tools read and
// write pages through the same engine as every other door.
//
// It owns the tools, their texts and limits. It keeps no session and no state:
// every request brings its own credentials, so that any instance may answer it.
// Protocol versions up to 2025-11-25 (initialize) and 2026-07-28
// (server/discover) are both served.
//
// # Life of a tool call
//
//  1. The door (door.go) checks host, method, origin, size and text of the
//     request, and enters the wiki for reading with the bearer token that the
//     authenticator found. The session cookie counts for nothing here. What the
//     client calls itself, for the commits, comes with the request (session.go).
//  2. The SDK decodes the message; receive (receive.go) recovers panics, fills in
//     what depends on the wiki, and accepts common other names of arguments.
//  3. The tool checks the right to write if it writes, calls the engine or the
//     index, and returns its answer twice: as text for models, and as structured
//     content for programs.
//  4. An error becomes a tool result with isError that says what to do next
//     (errors.go), never a protocol error: models see the former only.
package mcp
