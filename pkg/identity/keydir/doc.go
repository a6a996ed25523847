// Package keydir keeps the keys that sign sessions and access tokens in a folder:
// the driver of identity.SigningKeys and identity.KeySource for a fleet in one
// process.
//
// It owns that folder. Each key is one PEM file of mode 0600, named by the time
// from which on it signs (a ULID, so that names sort). There is no other state:
// of the keys whose time has come the newest signs, and all are served as public
// keys. Any number of processes may have the folder open, such as the server and
// an operator's "wikibot admin"; each looks for changes every few seconds, and no
// private key leaves the process.
//
// # Life of a key
//
//	published   [Keys.Rotate] finds that the newest key has signed for MaxAge, or
//	            [Keys.RotateNow] is called: a file named by the time an hour from
//	            now. All verifiers know it before it signs (identity.KeySpread).
//	signing     From that time on, by each process's own clock.
//	superseded  When the next key's time has come.
//	retired     48 hours later nothing that it signed is good any more. Rotate
//	            removes the file.
//
// The first key of an empty folder signs at once: there is nothing that verifiers
// could know others from. [Keys.Replace] is for the day on which a key got out.
package keydir
