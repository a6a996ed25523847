// Package signing keeps the private keys that sign sessions in a Secrets Manager
// secret: the driver of identity.SigningKeys for the auth service, and the one
// writer of what package keyvault reads. Package keyvault says where things are.
//
// # Life of a key
//
//	made        Rotate finds the newest key MaxAge old. It puts a new version of
//	            the secret that holds one key more; nobody looks at it yet.
//	published   One conditional write of the table's item lists the public half,
//	            names that version as the one that counts, and sets from when on
//	            the key signs: lead from now, when every verifier knows it.
//	signing     From then on, by every process's own clock; nobody has to run.
//	superseded  When the next key signs. Sessions that it signed go on.
//	retired     linger later no session of it can be alive. Rotate leaves it out
//	            of the next version and of the item.
//
// The very first key signs at once, since there are no sessions that a verifier
// could know other keys from. It is made when the first process that needs it
// finds no item and a secret that is empty: without a value, {} or {"keys":[]}.
// A secret that holds anything else that is not ours is an error, and stays.
//
// Replace is for the day on which a private key got out: it skips all of that.
//
// # What may go wrong
//
// Two that change keys at the same time each put a version of their own, but the
// item names only one of them: the other finds it changed, reads it anew, and
// mostly finds nothing left to do. Killed before the item was written, a process
// leaves a version that nobody will ever read. Killed after it, it leaves staging
// labels that lag; they only keep Secrets Manager from deleting versions, never
// say which one counts, and the next Rotate moves them. A call whose answer got
// lost is harmless, since versions are named by their writer.
//
// When the item is gone, what the secret's current version holds is published
// again. When the secret was made anew, a new key signs, and the old public keys
// stay until the last session has ended.
package signing
