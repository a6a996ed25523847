package edge

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// store is the cache of an edge location.
type store struct {
	mu      sync.Mutex
	entries map[string]*entry
	size    int
}

// maxEntry and maxStore bound what is kept, in bytes; CloudFront's own limits
// are out of a rehearsal's reach. A full store is emptied, which CloudFront may
// do at any time.
const (
	maxEntry = 32 << 20
	maxStore = 256 << 20
)

// entry is a kept answer. It is never changed once stored.
type entry struct {
	status   int
	header   http.Header
	body     []byte
	headOnly bool // of a HEAD: there is no body to answer a GET with
	stored   time.Time
	ttl      time.Duration // 0: to be revalidated each time
	stale    bool          // may be served when the origin fails
}

func (e *entry) fresh(now time.Time) bool { return now.Sub(e.stored) < e.ttl }

func (s *store) get(key, method string) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[key]; e != nil && (!e.headOnly || method == http.MethodHead) {
		return e
	}
	return nil
}

func (s *store) put(key string, e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.entries[key]; old != nil {
		if e.headOnly && !old.headOnly && old.header.Get("Etag") == e.header.Get("Etag") && old.fresh(e.stored) {
			return
		}
		s.size -= len(old.body)
	}
	if s.entries == nil || s.size+len(e.body) > maxStore {
		s.entries, s.size = map[string]*entry{}, 0
	}
	s.entries[key] = e
	s.size += len(e.body)
}

func (s *store) drop(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.entries[key]; old != nil {
		s.size -= len(old.body)
		delete(s.entries, key)
	}
}

// key is the cache key: the distribution, the path, and what the cache policy
// names. Neither the viewer's host nor its method is in it of itself.
func (b *behavior) key(d *distribution, v *viewer) string {
	var key strings.Builder
	part := func(s string) {
		key.WriteString(strconv.Itoa(len(s)))
		key.WriteByte(':')
		key.WriteString(s)
	}
	part(d.id)
	if v.method == http.MethodOptions {
		part(v.method)
	}
	part(v.uri)
	switch {
	case b.cache.query.all && b.cache.query.except == nil:
		part(v.query)
	case !b.cache.query.none():
		part(pick(v.query, b.cache.query.has))
	}
	for _, name := range slices.Sorted(slices.Values(b.cache.headers.only)) {
		part(name)
		part(strings.Join(v.header.Values(name), ","))
	}
	if !b.cache.cookies.none() {
		pairs := slices.DeleteFunc(cookiePairs(v.header), func(pair string) bool {
			name, _, _ := strings.Cut(pair, "=")
			return !b.cache.cookies.has(name)
		})
		slices.Sort(pairs)
		part(strings.Join(pairs, ";"))
	}
	if e := b.encodings(v); e.managed {
		part(e.value)
	}
	return key.String()
}

// directives are the parts of Cache-Control, lower case.
type directives map[string]string

func cacheControl(h http.Header) directives {
	d := directives{}
	for _, line := range h["Cache-Control"] {
		for part := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			d[strings.ToLower(name)] = strings.Trim(value, `"`)
		}
	}
	return d
}

func (d directives) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, ok := d[name]; return ok })
}

// age gives the lifetime for shared caches, if the headers name one.
func (d directives) age(h http.Header, now time.Time) (time.Duration, bool) {
	for _, name := range []string{"s-maxage", "max-age"} {
		if v, ok := d[name]; ok {
			if n, err := strconv.ParseInt(v, 10, 32); err == nil && n >= 0 {
				return time.Duration(n) * time.Second, true
			}
		}
	}
	if at, err := http.ParseTime(h.Get("Expires")); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}

// Errors that are kept always, and those that are kept if the origin gives them
// a lifetime ("HTTP 4xx and 5xx status codes that CloudFront caches").
var (
	errorsKept      = []int{404, 414, 500, 501, 502, 503, 504}
	errorsKeptIfAge = []int{400, 403, 405, 412, 415}
)

// keeps decides whether an answer is kept and for how long it is fresh.
func (d *distribution) keeps(b *behavior, status int, h http.Header, now time.Time) (ttl time.Duration, keep bool) {
	c := cacheControl(h)
	refused := c.has("no-store", "private", "no-cache")
	age, aged := c.age(h, now)
	switch {
	case status == http.StatusPartialContent || status == http.StatusNotModified || h.Get("Vary") == "*":
		return 0, false
	case status >= 400:
		if refused || !slices.Contains(errorsKept, status) && (!aged || !slices.Contains(errorsKeptIfAge, status)) {
			return 0, false
		}
		least, ok := d.errorTTL[status]
		if !ok {
			least = errorTTLByDefault
		}
		ttl = max(least, age)
		return ttl, ttl > 0
	case b.cache.disabled():
		return 0, false
	case refused && b.cache.min > 0:
		return b.cache.min, true // the minimum overrules the origin, private or not
	case c.has("no-store", "private"):
		return 0, false
	case refused:
		return 0, true
	case aged:
		return min(max(age, b.cache.min), b.cache.max), true
	default:
		return max(b.cache.min, b.cache.normal), true
	}
}
