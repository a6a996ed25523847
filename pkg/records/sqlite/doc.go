// Package sqlite keeps the records of an embedded fleet in one SQLite file.
//
// It owns the file, its schema and its outbox; it knows nothing about what the
// records mean beyond what package records promises, and it never reaches for
// git or the network. Any number of processes may use one file at once: the
// administrator's command line writes while the server runs.
//
// # Life of a write
//
// A method hands a function to the writer and waits. The writer takes everything
// that waits, runs it inside one BEGIN IMMEDIATE, each function in a savepoint
// of its own, commits once (WAL, synchronous=FULL: one fsync) and only then
// answers. A function that finds its precondition broken undoes its savepoint
// and nobody else's. If the transaction as a whole fails, each function is tried
// again alone, so that one that cannot be stored takes no other down with it.
// Events go into the outbox within the same transaction as their cause. What
// lives for a while (idempotency keys, sessions, tickets) goes a few rows at a
// time, with writes of its kind, once it has expired.
//
// # Life of a read
//
// Reads by key are answered from records decoded earlier, after asking SQLite
// whether anybody has committed since (see cache); everything else runs a prepared
// statement on one of a few reading connections.
package sqlite
