package web

import (
	"net/http"
	"strings"
)

// AcceptsGzip reads Accept-Encoding as far as browsers and proxies use it (RFC
// 9110 section 12.5.3): gzip is named, and not with a weight of zero. It
// allocates nothing.
func AcceptsGzip(h http.Header) bool {
	for _, v := range h["Accept-Encoding"] {
		for len(v) > 0 {
			var item string
			item, v, _ = strings.Cut(v, ",")
			coding, params, _ := strings.Cut(item, ";")
			if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				continue
			}
			weight, weighed := strings.CutPrefix(strings.TrimSpace(params), "q=")
			return !weighed || strings.Trim(weight, "0.") != ""
		}
	}
	return false
}
