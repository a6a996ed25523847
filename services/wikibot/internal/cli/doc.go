// Package cli is a person's sign-in on the command line: "wikibot login", "whoami"
// and "logout". It is a client of fleets, over the network and by their public
// doors alone; it owns the file in which tokens are kept, and never a data folder.
//
// # Life of a login
//
//  1. The fleet's address is the issuer's name, so it is compared with what the
//     fleet's metadata says (RFC 8414 section 3.3), byte for byte.
//  2. With a browser (loopback.go): a listener on 127.0.0.1 waits for the answer,
//     bound to this login by state, to the fleet by its issuer (RFC 9207) and to
//     this process by PKCE (RFC 7636, RFC 8252). Without one (device.go): an
//     address and a code are shown, for a browser anywhere (RFC 8628).
//  3. The token is kept (keep.go), for its owner alone, by the fleet's address;
//     the one that it replaces is revoked.
package cli
