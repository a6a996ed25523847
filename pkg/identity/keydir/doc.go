// Package keydir keeps the keys that sign sessions in a folder: the driver of
// identity.SigningKeys and identity.KeySource for a fleet in one process.
//
// It owns that folder. Each key is one PEM file of mode 0600, named so that
// names sort by age; the newest signs, all are served as public keys. So a key
// is rotated by adding a newer file, restarting, and removing the old one when
// the last session that it signed has ended. The private keys never leave the
// process.
package keydir
