// Package auth is the service that signs people in and out. It owns users and
// the one private key of the fleet that signs sessions; it answers /auth/* and
// /.well-known/jwks.json on the root host. It decides nothing about wikis.
//
// The sign-in here is the built-in one for development and for a single
// machine: it takes anybody at their word, so [New] refuses to build a service
// that is to listen anywhere but on loopback.
//
// # Life of a sign-in
//
// A wiki or the app leads to GET /auth/login with return_to. The page is one
// form, drawn by the server, that works without script. POST /auth/login comes
// from this very page or is refused (login CSRF: a stranger must not sign you in
// as themselves). A known e-mail address is that user; a new one makes a user,
// by the rules of [wikibot.io/pkg/account]. The answer sets the cookies of
// [wikibot.io/pkg/identity] and leads to return_to, which is checked when it
// arrives and again when it is used.
package auth
