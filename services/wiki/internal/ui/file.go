package ui

import (
	"bytes"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"wikibot.io/pkg/pagepath"
)

// sandbox keeps a file from doing anything in a browser that shows it after all.
const sandbox = "sandbox; default-src 'none'"

// noTime tells http.ServeContent that only the ETag says what has changed.
var noTime time.Time

// shownTypes are the files that a browser may show: pictures that cannot hold a
// script, and text. All else is a download, whatever it is called.
var shownTypes = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
	".webp": "image/webp", ".avif": "image/avif",
}

// textTypes are shown as plain text, never as what they describe.
var textTypes = map[string]bool{
	".txt": true, ".text": true, ".log": true, ".csv": true, ".tsv": true, ".json": true, ".yaml": true, ".yml": true,
	".toml": true, ".ini": true, ".diff": true, ".patch": true, ".rst": true, ".adoc": true, ".go": true, ".rs": true,
	".py": true, ".c": true, ".h": true, ".sh": true, ".ps1": true, ".sql": true,
}

// file sends a file of the repository that is no page. Every file is somebody's
// upload: nothing of it may run on the wiki's origin.
func (u *UI) file(v *visit, name string) error {
	f, err := u.engine.File(v.ctx(), v.in.Wiki, name)
	if err != nil {
		return err
	}
	if v.r.URL.Path != "/"+f.Path {
		v.redirect("/"+escape(f.Path), http.StatusMovedPermanently)
		return nil
	}
	ext := strings.ToLower(path.Ext(f.Path))
	kind, shown := shownTypes[ext]
	switch {
	case shown:
	case textTypes[ext]:
		kind = "text/plain; charset=utf-8"
	default:
		kind = "application/octet-stream"
		v.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": pagepath.Title(f.Path)}))
	}
	v.rawHeaders(kind, f.Blob)
	http.ServeContent(v.w, v.r, "", noTime, bytes.NewReader(f.Content))
	return nil
}

// rawHeaders precede bytes that are sent as they are stored.
func (v *visit) rawHeaders(kind, blob string) {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", sandbox)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Etag", `"`+blob+`"`)
	h["Vary"] = varyValue
	h["Cache-Control"] = privateFor
	if v.shared() {
		h["Cache-Control"] = publicFor
	}
}
