// Package dynamolocal starts DynamoDB Local, Amazon's own emulator, for tests
// and for the rehearsal.
//
// It owns the emulator's process, which keeps everything in memory and ends with
// the process that started it, and it creates the tables that package tables
// lists. It never fetches the emulator: scripts/dynamodb-local does, and a
// missing one is an error that says so, never a reason to skip a test.
//
// One emulator serves a whole test process: it takes a second or two to start,
// so TestMain starts it, and each test creates tables of its own under a prefix
// of its own.
package dynamolocal
