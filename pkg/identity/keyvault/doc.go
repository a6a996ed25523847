// Package keyvault keeps the keys that sign sessions and access tokens in AWS. This package is
// the half that verifies: [Public], a driver of identity.KeySource on one item
// of the DynamoDB table "keys". Every function of the fleet links it, and
// nothing of it can reach a private key. The half that signs is package
// signing, which only the auth service links; keyvaulttest is a stand-in for
// Secrets Manager.
//
// # Where the keys are
//
// A version of the Secrets Manager secret holds the private keys. Versions are
// immutable and named by an id of our choice. The one item of the table names
// the version that counts, and lists the public half of every key, and from when
// on it signs:
//
//	pk             "sessions"
//	secret_version id of the version of the secret; also what a change compares
//	changed        Unix second of the last change
//	keys           list, oldest first, of
//	                 kid         thumbprint (RFC 7638)
//	                 created     Unix second
//	                 signs_from  Unix second from which it signs
//	                 jwk         public key (RFC 7517)
//
// Beside it there is an item for each foreign issuer that is trusted, which
// [Issuers] keeps for functions that cannot fetch keys themselves:
//
//	pk       "issuer " and the issuer's URL
//	fetched  Unix second
//	jwks     its public keys (RFC 7517 section 5)
//
// So the first item is to the keys what a wiki's record is to its commits: first the
// immutable thing is written, then one conditional write makes it count. There
// is no moment at which a key signs and is not published.
package keyvault
