// Package ui is a wiki as people see it: server-rendered pages that read, edit,
// compare and search, and need no script for any of it.
//
// It owns the templates, the style sheet, the small script and the cache of
// finished pages. It decides no rights ([identity.Gate] does), keeps no text and
// merges nothing ([wiki.Engine] does), and renders no Markdown itself.
//
// # Where things are
//
// A page is at its own path: "/Guides/First steps". Everything else lies below
// "/-/", which no page name can begin with: "/-/edit/Guides/First steps",
// "/-/search?q=…". screens.go holds the whole table; each noun has its file
// (page, edit, history, diff, …) and its template of the same name.
//
// # Life of a request
//
// [UI.ServeHTTP] finds the screen and asks the gate to let the principal in for
// that screen's action. The screen gets a visit: the request, the opened wiki
// and the path. It answers by rendering a template, or returns an error, which
// becomes an error page, a problem document or the way to sign-in.
//
// # Why a warm page is fast
//
// A page view depends on the wiki's head and settings, the path, and who looks.
// All of these are known once the gate has read the record, so the finished
// bytes are kept under them ([pageKey]) and written as they are. Below that,
// rendered articles are kept by blob, path and which of their links lead
// somewhere, so a save elsewhere in the wiki renders no article again. Nothing
// is ever invalidated: what has changed has another key.
package ui
