// Package identity says who a request comes from and what they may do.
//
// It owns principals, the signed sessions and cookies that carry them, the access
// tokens of agents, the form of all other secrets, and [Decide], the one function
// that turns principal, wiki and action into yes or no, whatever the door. It
// keeps nothing: users, grants and hashes are in the records, the signing key is
// with a driver such as keydir. It never answers a request by itself; doors word
// their refusals and set the challenges their clients understand.
//
// # Life of a request
//
// At the door an [Authenticator] establishes the [Principal] from exactly the
// proof that this door accepts:
//
//	root host            Authorization: Bearer wbp_…, else the cookie
//	                     __Host-wikibot, audience root URL
//	wiki host            Authorization: Bearer wbt_… or wbp_…, else the cookie
//	                     wikibot of the parent domain, audience of all wiki hosts
//	wiki host, for       Authorization: Bearer, with an access token whose audience
//	agents (/mcp)        is this wiki's MCP URL, wbt_… or wbp_…; no cookies
//	wiki host, for git   Authorization: Basic with any user and wbt_… or wbp_… as
//	                     password, or Bearer; no cookies
//
// A broken bearer or password is refused, since its sender meant to be somebody;
// a broken cookie is nobody, since browsers keep cookies longer than they are
// good for. Identity comes from the proof, rights never do: [Gate.Enter] reads
// wiki and grant from the records on each request, so revocation is immediate.
//
// # The kinds of principal
//
//	Session         a browser; all that its user's role allows
//	WikiToken       wbt_…: one wiki, at most its role; never settings
//	ConnectedAgent  an access token: one wiki, at most what the person allowed and
//	                the token's scope says; never settings
//	CommandLine     wbp_…, of "wikibot login": all wikis of its user; never settings
//
// # What is signed
//
// Sessions and access tokens are JWTs that a [Signer] signs and a [Verifier]
// checks. Each names what the records can end before its time: a session (sid), a
// connection (cid). They differ by header typ and audience, and neither passes for
// the other. Access tokens of a [TrustedIssuer] are checked by that issuer's own
// keys; what they open is the account that has their subject as an identity.
package identity
