// Package web holds the HTTP manners that every service shares: handlers that
// return errors, the one switch from errors to answers, hosts and URLs, request
// records, same-origin checks and security headers. It knows no domain.
//
// # Life of a request
//
// [Stack] wraps a service's handler: it gives the request an id and a log
// record, turns panics into 500, refuses cross-origin state changes that carry
// a cookie, and sets the headers that hold for every answer. A handler of type
// [HandlerFunc] returns an error instead of writing one; [Handle] turns it into
// problem+json (RFC 9457), or into a page where the service passes its own
// error writer.
package web
