package gitstore

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// parseCommit decodes a commit. Headers it does not know (signatures, merged
// tags, encoding) are skipped. Odd author lines, which old tools wrote, give
// what can be read of them.
func parseCommit(id OID, data []byte) (*Commit, error) {
	c := &Commit{ID: id}
	hasTree := false
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte{'\n'})
		data = rest
		if len(line) == 0 {
			c.Message = text(rest)
			break
		}
		key, value, _ := bytes.Cut(line, []byte{' '})
		switch string(key) {
		case "tree":
			if err := parseID(&c.Tree, value); err != nil || hasTree {
				return nil, fmt.Errorf("%w: bad tree line", errDamaged)
			}
			hasTree = true
		case "parent":
			var p OID
			if err := parseID(&p, value); err != nil {
				return nil, fmt.Errorf("%w: bad parent line", errDamaged)
			}
			c.Parents = append(c.Parents, p)
		case "author":
			c.Author = parseSignature(value)
		case "committer":
			c.Committer = parseSignature(value)
		}
	}
	if !hasTree {
		return nil, fmt.Errorf("%w: commit without tree", errDamaged)
	}
	return c, nil
}

func parseID(id *OID, hexDigits []byte) error {
	if len(hexDigits) != 2*len(id) {
		return errDamaged
	}
	_, err := hex.Decode(id[:], hexDigits)
	return err
}

// parseSignature decodes "Name <email> seconds +hhmm".
func parseSignature(b []byte) Signature {
	var s Signature
	lt, gt := bytes.IndexByte(b, '<'), bytes.LastIndexByte(b, '>')
	if lt < 0 || gt < lt {
		s.Name = text(bytes.TrimSpace(b))
		return s
	}
	s.Name = text(bytes.TrimSpace(b[:lt]))
	s.Email = text(bytes.TrimSpace(b[lt+1 : gt]))
	f := strings.Fields(string(b[gt+1:]))
	if len(f) == 0 {
		return s
	}
	// Beyond the year 9999 times cannot be written as RFC 3339 any more.
	sec, err := strconv.ParseInt(f[0], 10, 64)
	if err != nil || sec < 0 || sec > 253402300799 {
		return s
	}
	s.When = time.Unix(sec, 0).UTC()
	if len(f) > 1 {
		if zone, ok := parseZone(f[1]); ok {
			s.When = s.When.In(zone)
		}
	}
	return s
}

func parseZone(s string) (*time.Location, bool) {
	if len(s) != 5 || (s[0] != '+' && s[0] != '-') {
		return nil, false
	}
	n, err := strconv.ParseUint(s[1:], 10, 16)
	if err != nil || n%100 > 59 || n/100 > 23 {
		return nil, false
	}
	off := int(n/100*3600 + n%100*60)
	if s[0] == '-' {
		off = -off
	}
	if off == 0 {
		return time.UTC, true
	}
	return time.FixedZone("", off), true
}

// text makes valid UTF-8 of b; what is not is taken for Latin-1, the common
// encoding of commits from before UTF-8.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out := make([]rune, 0, len(b))
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			r = rune(b[0])
		}
		out = append(out, r)
		b = b[n:]
	}
	return string(out)
}

// encodeCommit is the form that is hashed. Characters that would break the
// format (or that git fsck refuses) are left out.
func encodeCommit(c Commit) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "tree %s\n", c.Tree)
	for _, p := range c.Parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	encodeSignature(&b, "author", c.Author)
	encodeSignature(&b, "committer", c.Committer)
	b.WriteByte('\n')
	b.WriteString(strings.ReplaceAll(strings.ToValidUTF8(c.Message, "\uFFFD"), "\x00", ""))
	return b.Bytes()
}

func encodeSignature(b *bytes.Buffer, key string, s Signature) {
	_, off := s.When.Zone()
	sign := '+'
	if off < 0 {
		sign, off = '-', -off
	}
	fmt.Fprintf(b, "%s %s <%s> %d %c%02d%02d\n", key, cleanIdent(s.Name), cleanIdent(s.Email),
		max(s.When.Unix(), 0), sign, off/3600, off/60%60)
}

// cleanIdent removes what delimits the parts of a signature, as git does.
func cleanIdent(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == '<' || r == '>' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.TrimSpace(s)
}
