package pagepath_test

import (
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"wikibot.io/pkg/pagepath"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ why, raw, want string }{
		{"as it is", "Folder/Page", "Folder/Page"},
		{"slashes around and doubled", "//Folder///Page/", "Folder/Page"},
		{"the extension, in any case", "Folder/Page.md", "Folder/Page"},
		{"", "Page.MD", "Page"},
		{"", "Page.md/", "Page"},
		{"but not as a whole name", ".md", ".md"},
		{"", "a/.md", "a/.md"},
		{"decomposed characters", "Cafe\u0301", "Café"},
		{"the case is kept", "HoMe", "HoMe"},
		{"what cannot exist is left to find nothing", "../a/./b", "../a/./b"},
		{"", "", ""},
		{"", "///", ""},
	} {
		if got := pagepath.Clean(c.raw); got != c.want {
			t.Errorf("%s: Clean(%q) = %q, want %q", c.why, c.raw, got, c.want)
		}
	}
}

func TestKey(t *testing.T) {
	for _, c := range []struct {
		why, a, b string
		same      bool
	}{
		{"case", "Home", "hOME", true},
		{"composed and decomposed", "Café", "CAFE\u0301", true},
		{"full case folding", "Straße", "STRASSE", true},
		{"Greek final sigma", "ὈΔΥΣΣΕΎΣ", "ὀδυσσεύς", true},
		{"iota below a letter that also has an accent", "ᾴ", "\u03b1\u0345\u0301", true},
		{"Cherokee, which folds to upper case", "\u13fc\uab70", "\u13f4\u13a0", true},
		{"the folder counts", "a/B", "A/b", true},
		{"compatibility is no equality", "ﬁle", "ﬁle ", false},
		{"an accent is a difference", "resume", "résumé", false},
		{"a slash is a difference", "a/b", "ab", false},
	} {
		if got := pagepath.Key(c.a) == pagepath.Key(c.b); got != c.same {
			t.Errorf("%s: Key(%q) == Key(%q) is %v", c.why, c.a, c.b, got)
		}
	}
}

func TestFiles(t *testing.T) {
	for _, c := range []struct {
		file, page string
		is         bool
	}{
		{"Home.md", "Home", true}, {"a/b c.md", "a/b c", true}, {"a.md.md", "a.md", true},
		{".md", "", false}, {"a/.md", "", false}, {"Home.MD", "", false}, {"Home", "", false}, {"a.md/b", "", false}, {"", "", false},
	} {
		if page, is := pagepath.OfFile(c.file); page != c.page || is != c.is {
			t.Errorf("OfFile(%q) = %q, %v", c.file, page, is)
		}
	}
	if got := pagepath.Title("a/b/C d"); got != "C d" {
		t.Errorf("Title: %q", got)
	}
	if got := pagepath.Title("Home"); got != "Home" {
		t.Errorf("Title: %q", got)
	}
}

func TestCheckAccepts(t *testing.T) {
	for _, p := range []string{
		"Home", "a/b/c", "Meta/Wiki Usage Guide", "it's", "100% sure", "R&D", "a+b=c", "v1.2 Notes", "x.tar.gz", "Ünï", "日本/語", "🎉", "👩\u200d💻 setup", "می\u200cخواهم",
		"mcp/notes", "MCP", "apis", "api", "API", "api/v2", "api/v10", "repository", "-x", "a/-b", "~a", "a~1", "git", "github", "gitmodules", "console", "com", "com0", "com10", "lpt", "auxiliary", "nullable",
		"!", "½", "…and more", "C++", "a.b.c", "(x)", "@a", "$", "`x`", strings.Repeat("x", pagepath.MaxSegment), strings.Repeat("é", 126),
		"md", "README.mdx", "a.md.x",
	} {
		if err := pagepath.Check(p); err != nil {
			t.Errorf("Check(%q): %v", p, err)
		}
	}
}

// Weakness: a page path that leaves its wiki, in every spelling that some
// layer might undo.
func TestPathTraversal(t *testing.T) {
	refused(t,
		"..", ".", "../x", "a/../b", "a/..", "a/./b", "./a", "...", "a/.../b", "/a", "a/", "a//b", "", "/",
		"%2e%2e", "%2e%2e/x", "a/%2E%2E/b", "..%2fx", "a%2fb", "a%5cb", "%252e%252e", "%00", "a%00.md", "%c0%ae%c0%ae",
		`..\x`, `a\b`, `a\..\b`, `C:\x`, "C:", "a:b", "a::$DATA", "a:$i30:$index_allocation",
		"\xc0\xae\xc0\xae", "\xe0\x80\xae", "\xff", "a\xed\xa0\x80", "a\x00", "a\nb", "a\rb", "a\tb", "a\x7fb", "a\u0085b",
		"．．", "．", "‥", "…", "a/．．/b", "\u200d..", ".\u200d.", "..\u200c", "\u200d", "\u200c\u200d", "x/\u200d/y",
		"-", "-/x", "-/login", "a/-", "API/v1", "Api/v1/pages", "repo.git", "REPO.GIT/info", "mcp",
	)
}

// Weakness: a name that some file system takes for git's own folder or for one
// that is already there.
func TestDotGitNames(t *testing.T) {
	refused(t,
		".git", ".GIT", ".Git/config", "a/.git", "a/.git/hooks", ".gitmodules", ".gitattributes", ".git ", ".git.", ".git/", ".git::$INDEX_ALLOCATION",
		"git~1", "GIT~1", "git~1/config", "a/Git~2", "git~1.", "git~1 ", "git~1 .x", "gitmod~1", "GI7EBA~1", "gi7eba~9", "git~1.txt",
		".g\u200cit", "\u200c.git", "\u200d.git", ".\u200cgit", ".git\u200d", "\u200cgit~1", "g\u200dit~1", "\ufeff.git", ".gi\u202et", "\u200e.git", "\u206a.git", ".\u00adgit",
		"a ", "a.", " a", "a/b /c", "a/b./c", "a\u00a0", "\u3000a", "a\u2003", "a \u200d", "a.\u200d", "\u200d a",
		"con", "CON", "nul.txt", "a/Aux", "prn", "com1", "LPT9", "com1.log", "con .txt", "COM¹", "lpt³.x", "CONIN$", "conout$",
		"a.md", "a.MD", "a.md/b", "x/a.Md/y", "a*", "a?", `"a"`, "<a>", "a|b", "a#b", "[a]", "{a}",
		"a\u202eb", "\u2066a", "a\u200b", "\u2028", "\u2029a", "\u00ad", "a\ufffe", "\ufdd0", "\ufffd", "\U000e0001a", "\u3164", "\u115f", "\u2800", "\ufe0f", "\u0301",
		"Cafe\u0301", strings.Repeat("x", pagepath.MaxSegment+1), strings.Repeat("é", 127), strings.Repeat("abc/", 250)+"d",
	)
}

func refused(t *testing.T, paths ...string) {
	t.Helper()
	for _, p := range paths {
		err := pagepath.Check(p)
		if err == nil {
			t.Errorf("%q is accepted", p)
		} else if msg := err.Error(); msg != strings.TrimSpace(msg) || strings.ContainsAny(msg, "\n\x00") {
			t.Errorf("%q: message %q", p, msg)
		}
	}
}

func TestCheckFile(t *testing.T) {
	for _, name := range []string{"f.png", "a b.pdf", "ü.svg", "x", "-.x", "api", "archive.tar.gz"} {
		if err := pagepath.CheckFile(name); err != nil {
			t.Errorf("CheckFile(%q): %v", name, err)
		}
	}
	// The last but two would be pages, and the last one no file.
	for _, name := range []string{"", "..", "a/b", `a\b`, ".htaccess", ".git", "a:b", "nul", "nul.png", "a\x00b", "a.", "\xff", "%2e%2e", "\u200d", "x.md", "X.MD", "a/"} {
		if pagepath.CheckFile(name) == nil {
			t.Errorf("attachment %q is accepted", name)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{"a/b", "Straße", "\u200c.git", "%2e%2e/x", "a\u0345\u0301", "İ", "ᾳ", "\u0344", "Ǆ", "git~1", "a.md", "Cafe\u0301", "mcp", "．．", "\u13fc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		key := pagepath.Key(raw)
		if utf8.ValidString(raw) {
			for how, s := range map[string]string{"of itself": key, "of NFD": norm.NFD.String(raw), "of NFC": norm.NFC.String(raw)} {
				if got := pagepath.Key(s); got != key {
					t.Errorf("the key of %q is %q, but %s %q", raw, key, how, got)
				}
			}
		}
		p := pagepath.Clean(raw)
		if pagepath.Check(p) != nil {
			return
		}
		if pagepath.Clean(p) != p || path.Clean("/"+p) != "/"+p || strings.ContainsAny(p, "\\\x00") || !utf8.ValidString(p) {
			t.Errorf("%q is accepted and not clean", p)
		}
		if page, is := pagepath.OfFile(pagepath.File(p)); !is || page != p {
			t.Errorf("%q comes back from its file as %q, %v", p, page, is)
		}
		for seg := range strings.SplitSeq(pagepath.Key(p), "/") {
			if seg == "" || seg[0] == '.' || strings.HasPrefix(seg, "git~") || len(seg) == 0 {
				t.Errorf("%q is accepted with the part %q", p, seg)
			}
		}
	})
}
