// Package pkg is the parent of what several services share unchanged: the wiki
// engine and what it stands on (gitstore, index, markdown, pagepath), the
// records, the events' way from outbox to consumer, identity, and the HTTP
// manners common to all doors (web, fault). Packages here never import a
// service, and each has a small face.
package pkg
