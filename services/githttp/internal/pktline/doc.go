// Package pktline reads and writes the packets that git's protocols consist of
// (gitprotocol-common(5), "pkt-line Format") and the side-band streams within
// them (gitprotocol-pack(5), "Packfile Data").
//
// It knows lengths and markers and nothing of what a line says. What it reads is
// hostile: every length is checked before anything is read for it, and a line
// takes no memory of its own.
package pktline
