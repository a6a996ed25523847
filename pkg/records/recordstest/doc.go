// Package recordstest is the conformance suite of package records: what its doc
// comments promise, as tests that every driver passes. A driver's test file is
// the harness and one call to [Run].
//
// The suite knows no driver. It reads what was emitted through the harness,
// and after each test it checks what must hold in any state it can reach: every
// counter agrees with what it counts, and events agree with records.
package recordstest
