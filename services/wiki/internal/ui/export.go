package ui

import (
	archive "archive/zip"
	"bufio"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki"
)

// maxExports bounds the exports that are being made at once: each keeps a
// processor busy.
const maxExports = 4

// packed are the files that do not get smaller.
var packed = map[string]bool{
	".png": true, ".jpg": true, ".jpeg": true, ".gif": true, ".webp": true, ".avif": true,
	".zip": true, ".gz": true, ".xz": true, ".zst": true, ".mp3": true, ".mp4": true, ".webm": true, ".woff2": true,
}

// export sends everything in the wiki as it is now, in one file: the same head
// gives the same bytes. It costs more than any page, so it is for people and
// agents with a name, also where everybody may read.
func (u *UI) export(v *visit) error {
	if v.path != "" {
		return noScreen(v)
	}
	if v.in.Principal.Kind == identity.Anonymous {
		return fault.New(fault.Unauthenticated, "export wiki %q: sign in or send a token of this wiki", v.in.Wiki.Slug)
	}
	whole, err := u.engine.Whole(v.ctx(), v.in.Wiki)
	if err != nil {
		return err
	}
	h, etag := v.w.Header(), `"`+whole.Revision+`"`
	h["Vary"] = varyValue
	h["Cache-Control"] = privateFor
	h.Set("Etag", etag)
	if matches(v.r.Header["If-None-Match"], etag) {
		v.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if v.r.Method != http.MethodHead {
		select {
		case u.exports <- struct{}{}:
			defer func() { <-u.exports }()
		case <-v.ctx().Done():
			return v.ctx().Err()
		}
	}
	name := fmt.Sprintf("%s-%s.zip", v.in.Wiki.Slug, short(whole.Revision))
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", sandbox)
	h.Set("X-Robots-Tag", "noindex")
	v.w.WriteHeader(http.StatusOK)
	if v.r.Method == http.MethodHead {
		return nil
	}
	if err := writeZip(v, whole); err != nil {
		// Half an archive must not look like the whole one.
		web.RecordOf(v.ctx()).Err = err
		panic(http.ErrAbortHandler)
	}
	return nil
}

// writeZip holds one file in memory at a time, and what the archive's directory
// will say of all of them.
func writeZip(v *visit, whole *wiki.Whole) error {
	out := bufio.NewWriterSize(v.w, 64<<10)
	z := archive.NewWriter(out)
	at := zipTime(whole.At)
	err := whole.Each(v.ctx(), func(e wiki.Entry) error {
		f := &archive.FileHeader{Name: zipName(e.Path), Method: archive.Deflate, Modified: at}
		if packed[strings.ToLower(path.Ext(e.Path))] {
			f.Method = archive.Store
		}
		f.SetMode(0o644)
		if e.Executable {
			f.SetMode(0o755)
		}
		w, err := z.CreateHeader(f)
		if err != nil {
			return err
		}
		_, err = w.Write(e.Content)
		return err
	})
	if err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return out.Flush()
}

// zipTime is the commit's time as far as an archive can say it: in whole seconds,
// not before 1980 nor after 2107.
func zipTime(at time.Time) time.Time {
	at = at.UTC().Truncate(time.Second)
	if first := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC); at.Before(first) {
		return first
	}
	if last := time.Date(2106, 1, 1, 0, 0, 0, 0, time.UTC); at.After(last) {
		return last
	}
	return at
}

// zipName is a path as it may stand in an archive: as it is, unless a program that
// unpacks it could be led elsewhere by it. Then what leads there is
// percent-encoded: dot segments, a backslash (a slash to Windows), a drive letter,
// control characters, bytes that are no UTF-8.
func zipName(stored string) string {
	segs := strings.Split(stored, "/")
	for i, s := range segs {
		segs[i] = zipSegment(s, i == 0)
	}
	return strings.Join(segs, "/")
}

func zipSegment(s string, first bool) string {
	if dots := strings.Trim(s, ". "); dots == "" { // "..", and what Windows trims to it
		return strings.NewReplacer(".", "%2E", " ", "%20").Replace(s)
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		drive := first && r == ':' && i == 1
		if r == utf8.RuneError && size == 1 || r < ' ' || r == 0x7f || r == '\\' || drive {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}
