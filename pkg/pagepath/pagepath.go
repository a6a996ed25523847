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
	if cut := len(p) - len(Ext); hasExt(p) && p[cut-1] != '/' {
		p = p[:cut]
	}
	return p
}

// Key is the form under which paths are compared: the canonical caseless
// matching of Unicode (section 3.13, D145), in NFC.
func Key(path string) string {
	for i := range len(path) {
		if path[i] >= utf8.RuneSelf {
			folded := cases.Fold().String(norm.NFD.String(path))
			return norm.NFC.String(strings.Map(foldCherokee, folded))
		}
	}
	return strings.ToLower(path)
}

// foldCherokee settles the one script that folds to upper case: package cases
// swaps its cases instead.
func foldCherokee(r rune) rune {
	if unicode.Is(unicode.Cherokee, r) {
		return unicode.ToUpper(r)
	}
	return r
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
	case !norm.NFC.IsNormalString(path):
		return errors.New("is not in Unicode normal form C")
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
	// Only what a request would not reach is refused: pages on APIs and on MCP
	// are to be expected here, and "/MCP" is not "/mcp".
	switch key := Key(path) + "/"; {
	case path == "mcp":
		return errors.New(`cannot be "mcp" in lower case, which is where agents connect; write "MCP"`)
	case strings.HasPrefix(key, "repo.git/"), strings.HasPrefix(key, "api/v1/"):
		return errors.New(`cannot begin with "repo.git" or "api/v1", which the wiki itself uses`)
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
	seen := withoutFormat(seg)
	switch {
	case seg == "":
		return errors.New("has an empty part between slashes")
	case !utf8.ValidString(seg):
		return errors.New("is not valid UTF-8")
	case len(seg) > MaxSegment:
		return errors.New("has a part longer than 252 bytes")
	case strings.HasPrefix(seen, "."):
		return errors.New("has a part that begins with a dot")
	case seg == "-":
		return errors.New(`has a part that is only "-"`)
	case strings.TrimSpace(seen) != seen || strings.HasSuffix(seen, "."):
		return errors.New("has a part that begins or ends with a space or ends with a dot")
	case strings.ContainsAny(seg, forbidden):
		return errors.New("contains one of " + forbidden + ", which links or file systems give another meaning")
	case percentEncoded(seg):
		return errors.New(`contains "%" and two hexadecimal digits, which a link would decode`)
	case hasExt(seg):
		return errors.New("has a part that ends in " + Ext + ", which is added to every page's file")
	case reservedOnWindows(seg):
		return errors.New("has a part that Windows reserves for a device, so the repository could not be cloned there")
	case gitAlias(seen):
		return errors.New("has a part that git treats as its own folder")
	case strings.Trim(norm.NFKC.String(seen), ". ") == "" || !strings.ContainsFunc(seen, visible):
		return errors.New("has a part with nothing to read in it")
	}
	if strings.ContainsFunc(seg, unfit) {
		return errors.New("contains an invisible or control character")
	}
	return nil
}

const (
	zwnj = '\u200c' // needed by Persian and other scripts
	zwj  = '\u200d' // needed by Indic scripts and by emoji
)

// unfit are characters that nobody can see or type. Two names that differ in
// them would look the same.
func unfit(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != zwj && r != zwnj || r == utf8.RuneError ||
		unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.Is(unicode.Noncharacter_Code_Point, r)
}

// visible characters give a name something to click on.
func visible(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsPunct(r) || unicode.IsSymbol(r)) &&
		!unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) && r != '\u2800' // an empty Braille cell
}

// withoutFormat is the name as HFS+ compares it: it ignores format characters,
// so that ".git" may hide behind one.
func withoutFormat(seg string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, seg)
}

func percentEncoded(seg string) bool {
	for i := 0; i+2 < len(seg); i++ {
		if seg[i] == '%' && hexDigit(seg[i+1]) && hexDigit(seg[i+2]) {
			return true
		}
	}
	return false
}

func hexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hasExt(seg string) bool {
	cut := len(seg) - len(Ext)
	return cut > 0 && strings.EqualFold(seg[cut:], Ext)
}

// gitAlias reports names that NTFS maps to ".git" or ".gitmodules": their short
// names. The long ones begin with a dot.
func gitAlias(seg string) bool {
	s, _, _ := strings.Cut(strings.ToLower(seg), ".")
	s = strings.TrimRight(s, " ")
	return strings.HasPrefix(s, "git~") || strings.HasPrefix(s, "gitmod~") || strings.HasPrefix(s, "gi7eba~")
}

// reservedOnWindows reports device names, which Windows finds in every folder
// and with every extension.
func reservedOnWindows(seg string) bool {
	stem, _, _ := strings.Cut(strings.ToLower(seg), ".")
	switch stem = strings.TrimRight(stem, " "); stem {
	case "con", "prn", "aux", "nul", "conin$", "conout$":
		return true
	}
	port, isPort := strings.CutPrefix(stem, "com")
	if !isPort {
		port, isPort = strings.CutPrefix(stem, "lpt")
	}
	switch port {
	case "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return isPort
	}
	return false
}
