package ui

import (
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"strconv"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/look"
	"wikibot.io/pkg/markdown"
	"wikibot.io/pkg/web"
)

const assetsAt = "/-/assets/"

var (
	//go:embed assets/wiki.css
	wikiCSS string
	//go:embed assets/wiki.js
	wikiJS string
	//go:embed assets/icon.svg
	iconSVG string
)

// assets are the files that every page refers to. Their names carry a hash of
// their content, so they are kept for a year and never asked for again.
type assets struct {
	CSS, JS, Icon string // URLs

	files map[string]asset
}

type asset struct {
	mime         string
	body, zipped []byte
}

func newAssets() *assets {
	a := &assets{files: map[string]asset{}}
	a.CSS = a.add("wiki", ".css", "text/css; charset=utf-8", look.Tokens+markdown.CSS()+wikiCSS)
	a.JS = a.add("wiki", ".js", "text/javascript; charset=utf-8", wikiJS)
	a.Icon = a.add("icon", ".svg", "image/svg+xml", iconSVG)
	return a
}

func (a *assets) add(stem, ext, mime, content string) string {
	sum := sha256.Sum256([]byte(content))
	name := stem + "-" + hex.EncodeToString(sum[:6]) + ext
	a.files[name] = asset{mime, []byte(content), zip([]byte(content), gzip.BestCompression)}
	return assetsAt + name
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request, name string) error {
	h := w.Header()
	h["Content-Security-Policy"] = cspValue
	f, ok := a.files[name]
	switch {
	case !ok:
		return fault.New(fault.NotFound, "read asset %s: it is gone; reload the page", name)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return web.WrongMethod(w, r, http.MethodGet, http.MethodHead)
	}
	h.Set("Content-Type", f.mime)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.body
	if web.AcceptsGzip(r.Header) {
		h["Content-Encoding"] = gzipValue
		body = f.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		w.Write(body) // the reader is gone if this fails
	}
	return nil
}
