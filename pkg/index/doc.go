// Package index keeps the derived index of each wiki: page table, links,
// history per page and full text, all of it recomputable from git.
package index
