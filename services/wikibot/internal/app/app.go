package app

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/web"
)

// dist is what `npm run build` in spa/ wrote. The file .gitkeep lets a fresh
// clone compile; whether an app is there is asked by New.
//
//go:embed all:dist
var dist embed.FS

const (
	policy    = routes.AppContentSecurityPolicy
	mount     = "/app/"
	assets    = "assets/"
	index     = "index.html"
	favicon   = "favicon.svg"
	forAYear  = "public, max-age=31536000, immutable"
	forADay   = "public, max-age=86400"
	askAlways = "no-cache"
)

// file is one embedded file with all that its answer needs.
type file struct {
	name   string
	body   []byte
	ctype  string
	etag   string
	cache  string
	zipped func() []byte // gzip of body, made at first use; nil if it would save nothing
}

// New returns the handler of the app's paths on the root host: "/", "/app",
// "/app/*" and "/favicon.svg". It fails if the app was not built into the binary.
func New() (http.Handler, error) {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, fmt.Errorf("open the embedded app: %w", err)
	}
	return newHandler(built)
}

// newHandler serves a build that lies in any file system.
func newHandler(built fs.FS) (http.Handler, error) {
	files := map[string]*file{}
	err := fs.WalkDir(built, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		body, err := fs.ReadFile(built, name)
		if err == nil {
			files[name] = newFile(name, body)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the embedded app: %w", err)
	}
	if files[index] == nil {
		return nil, errors.New("the management app is not built into this binary: run scripts/up, which builds both")
	}

	mux := http.NewServeMux()
	mux.Handle("GET /{$}", http.RedirectHandler(mount, http.StatusFound))
	mux.Handle("GET /app", http.RedirectHandler(mount, http.StatusPermanentRedirect))
	mux.HandleFunc("GET /"+favicon, func(w http.ResponseWriter, r *http.Request) { serve(w, r, files[favicon]) })
	mux.HandleFunc("GET "+mount, func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, mount)
		f := files[name]
		if path.Ext(name) == "" && !strings.HasPrefix(name, assets) {
			f = files[index]
		}
		serve(w, r, f)
	})
	return mux, nil
}

func newFile(name string, body []byte) *file {
	sum := sha256.Sum256(body)
	f := &file{name: name, body: body, ctype: mime.TypeByExtension(path.Ext(name)), etag: hex.EncodeToString(sum[:16])}
	switch {
	case strings.HasPrefix(name, assets):
		f.cache = forAYear
	case name == index:
		f.cache = askAlways
	default:
		f.cache = forADay
	}
	// The system's table of types may be missing or say otherwise.
	switch path.Ext(name) {
	case ".js":
		f.ctype = "text/javascript; charset=utf-8"
	case ".css":
		f.ctype = "text/css; charset=utf-8"
	case ".html":
		f.ctype = "text/html; charset=utf-8"
	case ".svg":
		f.ctype = "image/svg+xml"
	case "":
		f.ctype = "application/octet-stream"
	}
	f.zipped = sync.OnceValue(func() []byte { return zip(body) })
	return f
}

// zip compresses as well as gzip can: it is done once per file and process.
func zip(body []byte) []byte {
	var buf bytes.Buffer
	zw, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := zw.Write(body); err != nil {
		return nil
	}
	if err := zw.Close(); err != nil || buf.Len() >= len(body) {
		return nil
	}
	return buf.Bytes()
}

// serve answers with a file; nil is 404. Conditional requests are answered by
// http.ServeContent, which also knows HEAD. Ranges are of use to nobody here and
// would have to choose an encoding, so they are not offered.
func serve(w http.ResponseWriter, r *http.Request, f *file) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	if f == nil {
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintln(w, "There is no such file. It may belong to an older version of the app: reload the page.")
		return
	}
	h.Set("Content-Type", f.ctype)
	h.Set("Cache-Control", f.cache)
	h.Set("Vary", "Accept-Encoding")
	body, etag := f.body, f.etag
	if web.AcceptsGzip(r.Header) {
		if zipped := f.zipped(); zipped != nil {
			body, etag = zipped, etag+"-gzip" // a validator names one encoding (RFC 9110 section 8.8.3)
			h.Set("Content-Encoding", "gzip")
			h.Set("Content-Length", strconv.Itoa(len(zipped)))
		}
	}
	h.Set("ETag", `"`+etag+`"`)
	whole := r.Clone(r.Context())
	whole.Header.Del("Range")
	http.ServeContent(w, whole, f.name, time.Time{}, bytes.NewReader(body))
}
