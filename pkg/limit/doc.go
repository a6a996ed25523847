// Package limit refuses what happens too often. It owns the arithmetic and the
// words; the counting is the records', so that all processes of a fleet count
// together, and a restart forgets nothing.
package limit
