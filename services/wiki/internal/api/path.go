package api

import (
	"net/http"
	"net/url"
	"strings"
)

// Prefix is where the API stands on a wiki host.
const Prefix = "/api/v1"

// verbs are the last segments that name what to do with a page rather than the
// page itself. A page of such a name is addressed with an encoded slash:
// /pages/Foo%2Fhistory.
var verbs = map[string]bool{"history": true, "rename": true, "diff": true}

// normalise rewrites the path of a request so that a page path, which has
// slashes, is one encoded segment. It decodes once and only once: "%252e" is the
// page name "%2e". Dot segments are not resolved either: they reach the engine
// as a path that no page can have, and so cannot lead out of the collection.
func normalise(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, raw := route(r.URL.EscapedPath())
		r2 := new(http.Request)
		*r2 = *r
		u := *r.URL
		u.Path, u.RawPath = path, raw
		r2.URL = &u
		next.ServeHTTP(w, r2)
	})
}

// route returns the decoded path and the one to route by.
func route(escaped string) (path, raw string) {
	for _, collection := range []string{Prefix + "/pages", Prefix + "/links", Prefix + "/changelog"} {
		rest, ok := strings.CutPrefix(escaped, collection+"/")
		if !ok {
			continue
		}
		segs := strings.Split(rest, "/")
		for len(segs) > 0 && segs[len(segs)-1] == "" {
			segs = segs[:len(segs)-1]
		}
		if len(segs) == 0 {
			return collection, collection
		}
		verb := ""
		if last := unescape(segs[len(segs)-1]); len(segs) > 1 && verbs[last] && collection == Prefix+"/pages" {
			verb = "/" + last
			segs = segs[:len(segs)-1]
		}
		for i, s := range segs {
			segs[i] = unescape(s)
		}
		page := strings.Join(segs, "/")
		return collection + "/" + page + verb, collection + "/" + url.PathEscape(page) + verb
	}
	return unescape(escaped), escaped
}

func unescape(s string) string {
	u, err := url.PathUnescape(s)
	if err != nil { // net/http has parsed it before, so this does not happen
		return s
	}
	return u
}
