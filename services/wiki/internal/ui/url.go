package ui

import (
	"net/url"
	"strings"

	"wikibot.io/pkg/pagepath"
)

// home is the page that stands at "/".
const home = "Home"

// pageURL is where a page, folder or file is.
func pageURL(path string) string {
	if pagepath.Key(path) == pagepath.Key(home) {
		return "/"
	}
	return "/" + escape(path)
}

// screenURL is where a screen about a path is: screenURL("edit", "A b") is
// "/-/edit/A%20b".
func screenURL(screen, path string) string {
	if path == "" {
		return "/-/" + screen
	}
	return "/-/" + screen + "/" + escape(path)
}

func revisionURL(revision, path string) string {
	return screenURL("revision/"+short(revision), path)
}

func diffURL(path, from, to string) string {
	q := url.Values{"to": {short(to)}}
	if from != "" {
		q.Set("from", short(from))
	}
	return screenURL("diff", path) + "?" + q.Encode()
}

// escape percent-encodes each segment of a path.
func escape(path string) string {
	if plain(path) {
		return path
	}
	segs := strings.Split(path, "/")
	for i, s := range segs {
		segs[i] = url.PathEscape(s)
	}
	return strings.Join(segs, "/")
}

func plain(path string) bool {
	for i := range len(path) {
		c := path[i]
		if c != '/' && c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// short is how a revision is shown and linked to: twelve digits stay unique in
// any wiki, where seven would not.
func short(revision string) string {
	if len(revision) > 12 {
		return revision[:12]
	}
	return revision
}

// parent is the folder that a path lies in, "" at the top.
func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return ""
}

// ancestors lists the folders above a path, outermost first.
func ancestors(path string) []string {
	var above []string
	for i := range len(path) {
		if path[i] == '/' {
			above = append(above, path[:i])
		}
	}
	return above
}
