// Package account makes users by the same rules at every door that can make
// one: sign-in, the command line, later the sign-up of other providers.
//
// It checks the names, gives the user an id and hands both to the records,
// which reserve username and e-mail and emit user.created in one transaction.
// It never signs anybody in and decides nothing about rights.
package account
