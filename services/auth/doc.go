// Package auth is the service that signs people in and out. It owns users and
// the private keys of the fleet that sign sessions; it answers /auth/* and
// /.well-known/jwks.json on the root host. It decides nothing about wikis.
//
// Who somebody is, a [SignIn] finds out: [Development] takes anybody at their
// word and therefore cannot be made where another machine could reach it; [None]
// is for an installation without an identity provider, and says so.
//
// # Life of a sign-in
//
// A wiki or the app leads to GET /auth/login with return_to. Who is signed in
// goes straight on; for anybody else the driver begins. Development's page is one
// form, drawn by the server, that works without script; its POST /auth/login
// comes from this very page or is refused (login CSRF: a stranger must not sign
// you in as themselves). A known e-mail address is that user; a new one makes a
// user, by the rules of [wikibot.io/pkg/account]. When the driver has proof, the
// service signs a session, sets the cookies of [wikibot.io/pkg/identity] and
// leads to return_to, which is checked when it arrives and again when it is used.
package auth
