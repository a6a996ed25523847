// Package identity says who a request comes from and what they may do.
//
// It owns principals, the signed sessions and cookies that carry them, the form
// of wiki tokens, and [Decide], the one function that turns principal, wiki and
// action into yes or no, whatever the door. It keeps nothing: users, grants and
// token hashes are in the records, the signing key is with a driver such as
// keydir. It never answers a request by itself; doors word their refusals and
// set the challenges their clients understand.
//
// # Life of a request
//
// At the door an [Authenticator] establishes the [Principal] from exactly the
// proof that this kind of host accepts:
//
//	root host            the cookie __Host-wikibot, audience root URL
//	wiki host            Authorization: Bearer wbt_…, else the cookie wikibot
//	                     of the parent domain, audience of all wiki hosts
//	wiki host, for git   Authorization: Basic with any user and the token as
//	                     password, or Bearer; no cookies
//
// A broken bearer or password is refused, since its sender meant to be somebody;
// a broken cookie is nobody, since browsers keep cookies longer than they are
// good for. Identity comes from the proof, rights never do: [Gate.Enter] reads
// wiki and grant from the records on each request, so revocation is immediate.
package identity
