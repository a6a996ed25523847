// Package auth is the service that signs people in and out. It owns users, their
// sessions and the private keys of the fleet that sign tokens; it answers /auth/*,
// /oauth/*, /api/account and the documents about keys and authorization on the
// root host. It decides nothing about wikis.
//
// Who somebody is, a [SignIn] finds out: [Remote] asks a provider; [Development]
// takes anybody at their word and therefore cannot be made where another machine
// could reach it; [None] is for an installation without an identity provider, and
// says so.
//
// # Life of a sign-in
//
// A wiki or the app leads to GET /auth/login with return_to. Who is signed in
// goes straight on, and so does who has a session whose tokens have run out; for
// anybody else the driver begins. Development's page is one form, drawn by the
// server, that works without script; its POST /auth/login comes from this very
// page or is refused (login CSRF: a stranger must not sign you in as themselves).
// Remote leads to the provider and is led back to GET /auth/callback; what was
// begun in one browser can be finished in that one alone.
//
// When the driver has proof, the service finds out whose it is: a user's by their
// identity, or by a verified e-mail address; somebody's who is leaving, and may
// come back; or that of somebody new, who chooses a username and becomes a user by
// the rules of [wikibot.io/pkg/account]. It begins a session, sets the cookies of
// [wikibot.io/pkg/identity] and leads to return_to, which is checked when it
// arrives and again when it is used.
//
// # Life of a session
//
// A session is a record, and a secret in a cookie that the root host alone is
// sent. Requests are signed in by tokens of a day, which name the session; GET
// /auth/login and POST /auth/refresh make new ones of the secret, for a month at
// most. Every now and then that asks the provider whether its own session lives:
// what it gave for that is kept encrypted with the session's secret. Ending a
// session, here or on another device, ends its tokens with the next request.
package auth
