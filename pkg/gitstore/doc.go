// Package gitstore keeps git objects: one bare repository per wiki, each commit
// one small flushed pack.
package gitstore
