package edge

import "strings"

// matches reports whether a path pattern takes a path: "*" stands for any
// characters or none, slashes too, "?" for exactly one; everything else for
// itself, case and all. The pattern's leading slash may be left out.
func matches(pattern, path string) bool {
	if !strings.HasPrefix(pattern, "/") && !strings.HasPrefix(pattern, "*") {
		pattern = "/" + pattern
	}
	p, s := 0, 0
	star, from := -1, 0 // the last star, and what it has not swallowed yet
	for s < len(path) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, s
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == path[s]):
			p++
			s++
		case star >= 0:
			from++
			p, s = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// normalized is the form of a path that patterns are matched against (RFC 3986
// section 6.2.2): percent-encoded unreserved characters are decoded, dot
// segments resolved and runs of slashes made one. The origin still gets the path
// as the viewer wrote it, so the two may disagree on what is asked for.
func normalized(path string) string {
	var out []string
	segments := strings.Split(decodeUnreserved(path), "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case "", ".":
			if last {
				out = append(out, "")
			}
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, segment)
		}
	}
	return "/" + strings.Join(out, "/")
}

func decodeUnreserved(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			c := unhex(s[i+1])<<4 | unhex(s[i+2])
			if isUnreserved(c) {
				out.WriteByte(c)
			} else {
				out.WriteString(strings.ToUpper(s[i : i+3]))
			}
			i += 2
			continue
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	default:
		return c - 'A' + 10
	}
}

func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
