// Package markdown reads and renders pages: GitHub-flavoured Markdown with
// WikiLinks, front matter, alerts and highlighted code, sanitised after
// rendering. It knows nothing of wikis, git or HTTP: whether a link's target
// exists is asked of the caller.
package markdown
