// Package markdown reads, renders and relinks pages: GitHub-flavoured Markdown
// with WikiLinks, front matter, footnotes, definition lists, emoji, alerts,
// highlighted text and highlighted code. It owns what a page's text means: its
// title, headings, anchors, links, words, and what of its HTML may reach a
// browser. It knows nothing of wikis, git or HTTP, and stores nothing: whether a
// link's target exists is asked of the caller.
//
// The life of a page's text through [Render]:
//
//	text ── front matter is cut off, pipes of WikiLinks are masked
//	  └─ goldmark parses, within limits (limit.go)
//	       └─ finish: alerts, task lists, anchors
//	            └─ prepare: hrefs, missing targets, highlighted code
//	                 └─ written as HTML, sanitised, balanced, unsealed
//
// [Read] and [Targets] stop after finish and look at the tree. [Relink] never
// writes Markdown from a tree: it notes where destinations stand in the text and
// replaces those bytes alone.
//
// User content never runs. The sanitiser is the last step over everything and
// knows only what may stay; no step before it is trusted.
package markdown
