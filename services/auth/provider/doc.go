// Package provider asks those who know people who somebody is: any OpenID
// Connect issuer ([OIDC]), or WorkOS AuthKit ([WorkOS]). It speaks their
// protocols and believes nothing that they did not sign or say over TLS. It keeps
// nothing, draws nothing, and knows no users of ours: package auth does.
//
// A sign-in, from here: Begin makes the address to send the browser to, out of an
// [Attempt] whose random values the caller keeps. The browser comes back to the
// caller, which compares the state and hands the query to Finish: it redeems the
// code with the PKCE verifier, checks what it gets, and says which [Person] it is.
// Person.Held is what the caller keeps, sealed, to ask later whether the
// provider's own session lives (Renew) and to end it (EndURL).
//
// Every answer from outside is read whole, up to a megabyte and ten seconds, and
// no redirect is followed. Errors name the status and the code of an answer, never
// its text, and never a code, token or secret.
package provider
