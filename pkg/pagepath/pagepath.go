// Package pagepath holds the rules for page paths: what may be created, and
// which spellings mean the same page.
//
// A page path is "Folder/Page": no leading slash, no ".md". Its file is the
// path with ".md"; its attachments lie in the folder of its own name beside the
// file. Names keep the case that was typed; [Key] folds case and normalises to
// NFC, and two paths with one key are one page.
package pagepath

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Limits of a path, in bytes of UTF-8.
const (
	MaxSegment = 255 - len(Ext) // a file name, with its extension, fits any file system
	MaxPath    = 1000
)

// Ext is the extension of page files.
const Ext = ".md"

// Clean turns what a caller typed into the path to look up: NFC, no leading or
// trailing slash, no doubled slashes, no ".md". It accepts anything; a path that
// cannot exist simply finds nothing.
func Clean(raw string) string {
	p := norm.NFC.String(raw)
	parts := strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
	p = strings.Join(parts, "/")
	if cut := len(p) - len(Ext); cut > 0 && strings.EqualFold(p[cut:], Ext) && p[cut-1] != '/' {
		p = p[:cut]
	}
	return p
}

// Key is the form under which paths are compared.
func Key(path string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(path)))
}

// File returns the name of a page's file within the repository.
func File(path string) string { return path + Ext }

// OfFile returns the page path of a file, and whether the file is a page.
func OfFile(file string) (string, bool) {
	cut := len(file) - len(Ext)
	if cut <= 0 || file[cut:] != Ext || file[cut-1] == '/' {
		return "", false
	}
	return file[:cut], true
}

// Title is the last segment of a path.
func Title(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// Check says whether a page may be created at the (cleaned) path, and if not,
// what is wrong with it in words for the person who typed it. Paths that exist
// already (imports) are never checked.
func Check(path string) error {
	switch {
	case path == "":
		return errors.New("is empty; give the page a name")
	case !utf8.ValidString(path):
		return errors.New("is not valid UTF-8")
	case len(path) > MaxPath:
		return errors.New("is longer than 1000 bytes")
	case path == "-" || strings.HasPrefix(path, "-/"):
		return errors.New(`cannot begin with "-/", which the wiki itself uses`)
	}
	for seg := range strings.SplitSeq(path, "/") {
		if err := checkSegment(seg); err != nil {
			return err
		}
	}
	switch first, _, _ := strings.Cut(Key(path), "/"); first {
	case "mcp", "repo.git", "api":
		if first != "mcp" || path == first {
			return errors.New(`cannot begin with "` + first + `", which the wiki itself uses`)
		}
	}
	return nil
}

// CheckFile is Check for the name of an attachment, a single segment.
func CheckFile(name string) error {
	if strings.Contains(name, "/") {
		return errors.New("cannot contain a slash")
	}
	return checkSegment(name)
}

const forbidden = "\\:*?\"<>|#[]{}"

func checkSegment(seg string) error {
	switch {
	case seg == "":
		return errors.New("has an empty part between slashes")
	case len(seg) > MaxSegment:
		return errors.New("has a part longer than 252 bytes")
	case seg[0] == '.':
		return errors.New("has a part that begins with a dot")
	case seg[0] == '-' && len(seg) == 1:
		return errors.New(`has a part that is only "-"`)
	case seg[len(seg)-1] == '.' || seg[len(seg)-1] == ' ' || seg[0] == ' ':
		return errors.New("has a part that begins or ends with a space or ends with a dot")
	case strings.ContainsAny(seg, forbidden):
		return errors.New("contains one of " + forbidden + ", which links or file systems give another meaning")
	case reservedOnWindows(seg):
		return errors.New("has a part that Windows reserves for a device, so the repository could not be cloned there")
	case gitAlias(seg):
		return errors.New("has a part that git treats as its own folder")
	}
	for _, r := range seg {
		// Format characters are invisible: two names would look the same, and HFS+
		// ignores some of them when it compares names with ".git".
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200d' && r != '\u200c' || r == utf8.RuneError || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return errors.New("contains an invisible or control character")
		}
	}
	return nil
}

// gitAlias reports names that some file system maps to ".git". Those that begin
// with a dot have been refused already.
func gitAlias(seg string) bool {
	s := strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, seg))
	s, _, _ = strings.Cut(s, ".")
	return s == "git~1" || strings.HasPrefix(s, "git~") || strings.HasPrefix(s, "gitmod~") || strings.HasPrefix(s, "gi7eba~")
}

func reservedOnWindows(seg string) bool {
	stem, _, _ := strings.Cut(strings.ToLower(seg), ".")
	switch stem {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(stem) == 4 && (strings.HasPrefix(stem, "com") || strings.HasPrefix(stem, "lpt")) && stem[3] >= '1' && stem[3] <= '9'
}
