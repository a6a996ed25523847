// Package issuerkeys fetches the public keys of authorization servers that are
// trusted by configuration: the driver of identity.KeySource for foreign issuers
// where a process can call out. Where it cannot, package keyvault keeps what this
// one fetched elsewhere.
//
// It reads the issuer's own description of itself (RFC 8414, OpenID Connect
// Discovery 1.0) and the key set that it names (RFC 7517). Who the issuer is was
// configured by the operator, never by a request; still no answer of it can do
// more harm than to be refused: all are bounded, none redirects, and what is no
// public key for signatures is dropped.
package issuerkeys
