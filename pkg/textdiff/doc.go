// Package textdiff compares and merges texts by lines: [Lines] splits, [Diff]
// finds what changed, [Merge] joins two edits of one base.
//
// The comparison anchors on lines that are unique on both sides (Bram Cohen's
// patience diff) and fills the gaps with Myers' O(ND) algorithm (Algorithmica
// 1986). Both the work and the memory are bounded: a gap that is too different
// to compare cheaply counts as replaced whole.
package textdiff
