package edge

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// exchange is one request and its answer.
type exchange struct {
	*Edge
	d *distribution
	b *behavior
	v *viewer
	w http.ResponseWriter
	r *http.Request
}

func (x *exchange) serve() {
	if x.b.onRequest != nil {
		answer, err := x.b.onRequest.onRequest(x.event(x.d, x.v, "viewer-request"), x.v)
		if err != nil {
			x.codeFailed("Function", err)
			return
		}
		if answer != nil {
			x.b.headers.apply(answer.Header)
			x.send(answer, "FunctionGeneratedResponse")
			return
		}
	}
	if x.v.uri == "/" && x.d.root != "" {
		x.v.uri += x.d.root
	}
	if !x.b.keepsMethod(x.v.method) {
		x.pass()
		return
	}
	key := x.b.key(x.d, x.v)
	kept := x.cache.get(key, x.v.method)
	if kept != nil && kept.fresh(x.Now()) {
		x.sendKept(kept, "Hit")
		return
	}
	x.fetch(key, kept)
}

// pass is for methods whose answers are never kept.
func (x *exchange) pass() {
	res, err := x.ask(nil)
	if err != nil {
		x.originFailed(err)
		return
	}
	x.finish(res, "Miss")
}

// ask sends the request to the origin and runs the origin-response code. What
// is stale is asked for on condition.
func (x *exchange) ask(stale *entry) (*http.Response, error) {
	req, err := x.b.originRequest(x.r.Context(), x.v, name)
	if err != nil {
		return nil, err
	}
	if stale != nil {
		conditional(req.Header, stale.header)
	}
	res, err := roundTrip(x.b.origin.handler, req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 200 { // an upgrade, which no origin here is asked for
		_ = res.Body.Close()
		return nil, errors.New("the origin switched protocols")
	}
	strip(res.Header)
	if !x.b.cookiesGo() {
		res.Header.Del("Set-Cookie")
	}
	if x.b.onOrigin != nil {
		config := cfContext{DistributionDomainName: x.d.domain, DistributionID: x.d.id, EventType: "origin-response", RequestID: x.v.id}
		if err := x.b.onOrigin.onResponse(config, x.v, req, res); err != nil {
			_ = res.Body.Close()
			return nil, codeError{err}
		}
	}
	return res, nil
}

type codeError struct{ error }

func (e codeError) Unwrap() error { return e.error }

// conditional replaces the viewer's preconditions with the cache's own.
func conditional(h, kept http.Header) {
	for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range"} {
		h.Del(name)
	}
	if etag := kept.Get("Etag"); etag != "" {
		h.Set("If-None-Match", etag)
	}
	if at := kept.Get("Last-Modified"); at != "" {
		h.Set("If-Modified-Since", at)
	}
}

// strip removes what does not travel beyond the connection, and the values of
// Vary that the viewer is not told of.
func strip(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "X-Amz-Cf-Id", "X-Amz-Cf-Pop", "X-Cache", "Via"} {
		h.Del(name)
	}
}

// fetch gets what is not in the cache, or not fresh.
func (x *exchange) fetch(key string, kept *entry) {
	if kept != nil && kept.status >= 400 {
		kept = nil // errors are not revalidated
	}
	res, err := x.ask(kept)
	failed := err != nil || res.StatusCode >= 500
	switch {
	case failed && kept != nil && kept.stale && !errors.As(err, new(codeError)):
		if res != nil {
			_ = res.Body.Close()
		}
		x.sendKept(kept, "Hit")
		return
	case err != nil:
		x.originFailed(err)
		return
	case res.StatusCode == http.StatusNotModified && kept != nil:
		_ = res.Body.Close()
		x.sendKept(x.refresh(key, kept, res.Header), "RefreshHit")
		return
	}
	ttl, keep := x.d.keeps(x.b, res.StatusCode, res.Header, x.Now())
	if !keep {
		if res.StatusCode < 500 {
			x.cache.drop(key)
		}
		x.finish(res, "Miss")
		return
	}
	e := &entry{status: res.StatusCode, headOnly: x.v.method == http.MethodHead, stored: x.Now(), ttl: ttl, stale: mayBeStale(res.Header, ttl)}
	x.compress(res)
	e.header = res.Header.Clone()
	if e.headOnly || res.ContentLength == 0 || res.StatusCode == http.StatusNoContent {
		x.cache.put(key, e)
	} else {
		res.Body = &recorder{body: res.Body, length: res.ContentLength, done: func(body []byte) {
			e.body = body
			x.cache.put(key, e)
		}}
	}
	x.finish(res, "Miss")
}

// mayBeStale: what had a lifetime is served beyond it while the origin fails.
func mayBeStale(h http.Header, ttl time.Duration) bool {
	c := cacheControl(h)
	return ttl > 0 && c["stale-if-error"] != "0" && !c.has("no-cache", "no-store", "private")
}

// refresh keeps an entry anew, with the headers of the 304.
func (x *exchange) refresh(key string, kept *entry, h http.Header) *entry {
	e := *kept
	e.header = kept.header.Clone()
	for name, values := range h {
		if !slices.Contains([]string{"Content-Length", "Content-Encoding", "Content-Type", "Content-Range", "Etag"}, name) {
			e.header[name] = values
		}
	}
	ttl, keep := x.d.keeps(x.b, e.status, e.header, x.Now())
	e.stored, e.ttl, e.stale = x.Now(), ttl, mayBeStale(e.header, ttl)
	if keep {
		x.cache.put(key, &e)
	} else {
		x.cache.drop(key)
	}
	return &e
}

// recorder hands a body on and keeps it once it has come whole: before its last
// part is handed on, if its length was declared, so that whoever has an answer
// finds it kept.
type recorder struct {
	body   io.ReadCloser
	length int64 // as declared; -1 if it was not
	seen   bytes.Buffer
	over   bool // too much to keep
	done   func([]byte)
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if r.over = r.over || r.seen.Len()+n > maxEntry; r.over {
		return n, err
	}
	r.seen.Write(p[:n])
	whole := r.length == int64(r.seen.Len()) || r.length < 0 && errors.Is(err, io.EOF)
	if whole && r.done != nil {
		r.done(r.seen.Bytes())
		r.done = nil
	}
	return n, err
}

func (r *recorder) Close() error { return r.body.Close() }

// compressed are the content types that CloudFront compresses, of those that
// occur here ("Serving compressed files").
var compressed = []string{
	"text/html", "text/css", "text/javascript", "text/plain", "text/xml", "application/javascript", "application/json", "application/xml", "image/svg+xml",
	"application/wasm", "text/markdown", "text/x-markdown",
}

// compress does what the behavior's setting asks for: only with gzip, and only
// what has a length between a thousand and ten million bytes.
func (x *exchange) compress(res *http.Response) {
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	if !x.b.compress || !x.b.cache.gzip || !slices.Contains(strings.Split(x.b.encodings(x.v).value, ","), "gzip") ||
		!slices.Contains([]int{200, 403, 404}, res.StatusCode) || res.ContentLength < 1000 || res.ContentLength > 10_000_000 ||
		res.Header.Get("Content-Encoding") != "" || !slices.Contains(compressed, kind) || x.v.method == http.MethodHead {
		return
	}
	plain, err := io.ReadAll(res.Body)
	if err != nil || int64(len(plain)) != res.ContentLength {
		res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(plain), broken{errors.Join(err, io.ErrUnexpectedEOF)}))
		return
	}
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	_, err = zw.Write(plain)
	if err = errors.Join(err, zw.Close()); err != nil {
		setBody(res, plain)
		return
	}
	setBody(res, zipped.Bytes())
	res.Header.Set("Content-Encoding", "gzip")
	res.Header.Set("Vary", "Accept-Encoding")
	if etag := res.Header.Get("Etag"); strings.HasPrefix(etag, `"`) {
		res.Header.Set("Etag", "W/"+etag)
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

func setBody(res *http.Response, body []byte) {
	res.Body = io.NopCloser(bytes.NewReader(body))
	res.ContentLength = int64(len(body))
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

// finish applies the response headers policy and the viewer-response function,
// and sends. result is what X-Cache says of an answer that is no error.
func (x *exchange) finish(res *http.Response, result string) {
	if !x.reply(res) {
		return
	}
	if res.StatusCode >= 400 && result != "Hit" {
		result = "Error"
	}
	x.send(res, result)
}

func (x *exchange) reply(res *http.Response) bool {
	x.b.headers.apply(res.Header)
	if x.b.onReply == nil || res.StatusCode >= 400 {
		return true
	}
	if err := x.b.onReply.onReply(x.event(x.d, x.v, "viewer-response"), res); err != nil {
		_ = res.Body.Close()
		x.codeFailed("Function", err)
		return false
	}
	return true
}

// sendKept answers from the cache: preconditions and ranges are the edge's own
// business then.
func (x *exchange) sendKept(e *entry, result string) {
	res := &http.Response{StatusCode: e.status, Header: e.header.Clone(), Body: io.NopCloser(bytes.NewReader(e.body)), ContentLength: int64(len(e.body))}
	if result == "Hit" {
		res.Header.Set("Age", strconv.Itoa(int(x.Now().Sub(e.stored)/time.Second)))
	}
	if e.status != http.StatusOK || e.headOnly {
		if !e.headOnly {
			res.Header.Set("Content-Length", strconv.Itoa(len(e.body)))
		}
		if e.status >= 400 {
			result = "Error"
		}
		if x.reply(res) {
			x.send(res, result)
		}
		return
	}
	if !x.reply(res) {
		return
	}
	if res.StatusCode != http.StatusOK {
		x.send(res, result)
		return
	}
	x.head(res, result)
	res.Header.Del("Content-Length") // of the whole, which is not always what is sent
	body, err := io.ReadAll(res.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	at, _ := http.ParseTime(res.Header.Get("Last-Modified"))
	again := x.r.Clone(x.r.Context())
	again.Header = x.v.header
	if _, ok := x.w.Header()["Content-Type"]; !ok {
		x.w.Header()["Content-Type"] = nil // not to be guessed
	}
	x.w.Header().Del("Content-Length")
	if encoding := res.Header.Get("Content-Encoding"); encoding != "" {
		again.Header.Del("Range")
	}
	http.ServeContent(x.w, again, "", at, bytes.NewReader(body))
}

// head copies the headers to the viewer's side and adds CloudFront's own.
func (x *exchange) head(res *http.Response, result string) {
	h := x.w.Header()
	for name, values := range res.Header {
		h[name] = values
	}
	h.Set("Via", "1.1 "+name+" (CloudFront)")
	h.Set("X-Cache", result+" from cloudfront")
	h.Set("X-Amz-Cf-Id", x.v.id)
	h.Set("X-Amz-Cf-Pop", "ZZZ50-P1")
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // not to be guessed
	}
}

// send hands the body on as it comes. A body that breaks off at the origin
// breaks off at the viewer.
func (x *exchange) send(res *http.Response, result string) {
	defer func() { _ = res.Body.Close() }()
	x.head(res, result)
	x.w.WriteHeader(res.StatusCode)
	if x.v.method == http.MethodHead {
		return
	}
	flush := http.NewResponseController(x.w)
	_ = flush.Flush()
	buf := make([]byte, 32<<10)
	for {
		n, err := res.Body.Read(buf)
		if n > 0 {
			if _, werr := x.w.Write(buf[:n]); werr != nil {
				return
			}
			_ = flush.Flush()
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

func (x *exchange) codeFailed(kind string, err error) {
	x.Log.LogAttrs(x.r.Context(), slog.LevelError, "edge code failed", slog.Any("err", err))
	if errors.Is(err, errInvalid) {
		x.refuse(x.w, x.r, http.StatusBadGateway, kind+"ValidationError", "the code at the edge returned what is not valid")
		return
	}
	x.refuse(x.w, x.r, http.StatusServiceUnavailable, kind+"ExecutionError", "the code at the edge failed")
}

func (x *exchange) originFailed(err error) {
	switch {
	case errors.As(err, new(codeError)):
		x.codeFailed("Lambda", err)
	case errors.Is(err, errInvalid):
		x.codeFailed("Function", err)
	default:
		x.Log.LogAttrs(x.r.Context(), slog.LevelError, "origin failed", slog.String("origin", x.b.origin.domain), slog.Any("err", err))
		x.refuse(x.w, x.r, http.StatusBadGateway, "Error", "the origin gave no answer")
	}
}
