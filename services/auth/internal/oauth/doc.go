// Package oauth is the authorization server of the fleet (OAuth 2.1): it lets
// people connect agents to wikis, and the command line to their account. One
// issuer, the root host; one resource per wiki, its MCP URL.
package oauth
