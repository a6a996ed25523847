// Package names holds the rules for what people may call things: usernames and
// wiki addresses (slugs), which share one namespace and one set of rules, e-mail
// addresses, and display names.
//
// It also makes usernames of what people are called elsewhere.
//
// Every check returns all that is wrong at once, as fields of a fault.Invalid,
// so that a form can show each message at its place. Whether a name is free is
// a question for the records, never asked here.
package names
