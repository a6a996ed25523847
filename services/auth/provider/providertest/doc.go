// Package providertest runs those who know people, for tests: an OpenID Connect
// provider ([OIDC], zitadel's implementation over a storage of our own), and a
// stand-in for WorkOS ([WorkOS]) that does what the documents of its user
// management API say. Both are HTTP servers with state on a loopback address: codes
// are spent, refresh tokens rotate, sessions end. Neither is meant to keep anybody
// out: their login page asks for a username and believes it.
//
// A test that has the address of a sign-in goes through it by [OIDC.SignIn] or
// [WorkOS.SignIn], without a browser; a browser finds a form with the field
// "username" and the buttons "Sign in" and "Cancel". Who signs in as "ada" has the
// subject "ada", the name "Ada", and the address ada@example.org, which is verified
// unless the username begins with "unverified".
//
// cmd/idp runs the OpenID Connect provider as a process.
package providertest
