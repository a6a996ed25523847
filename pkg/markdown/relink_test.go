package markdown

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wikibot.io/pkg/pagepath"
)

func TestRelink(t *testing.T) {
	for _, c := range []struct {
		why       string
		path, old string
		new       string
		src, want string
	}{
		{"all WikiLink forms", "Cur", "P", "N/Q r", "[[P]] [[T|P]] [[P#a]] [[T|P#a b]] [[ P ]] [[/P]] [[P.md]]", "[[N/Q r]] [[T|N/Q r]] [[N/Q r#a]] [[T|N/Q r#a b]] [[ N/Q r ]] [[/N/Q r]] [[N/Q r.md]]"},
		{"in a table cell, escaped or not", "Cur", "P", "Q", "|a|\n|-|\n|[[T|P]]|\n|[[T\\|P]]|\n", "|a|\n|-|\n|[[T|Q]]|\n|[[T\\|Q]]|\n"},
		{"all Markdown forms", "Cur", "P", "Q", `[t](/P) [t](/P#a) [t](/P?x=1#a "P") [t](</P>) ![](/P/f.png) [f](/P/f.png) [![i](/P/i.png)](/P)`, `[t](/Q) [t](/Q#a) [t](/Q?x=1#a "P") [t](</Q>) ![](/Q/f.png) [f](/Q/f.png) [![i](/Q/i.png)](/Q)`},
		{"a new name with a space stays a link", "Cur", "P", "New Name", "[t](/P) [t](P.md) [t](</P>)", "[t](/New%20Name) [t](New%20Name.md) [t](</New Name>)"},
		{"an encoded old name", "Cur", "Old Ü", "Ö neu", "[t](/Old%20%C3%9C) [t](/Old%20Ü#x) [[Old Ü]]", "[t](/%C3%96%20neu) [t](/Ö%20neu#x) [[Ö neu]]"},
		{"parentheses and other punctuation", "Cur", "P", "a (b) & c's", "[t](/P) [t](</P>)", "[t](/a%20%28b%29%20%26%20c's) [t](</a (b) %26 c's>)"},
		{"case and normalisation do not matter", "Cur", "Straße/é", "Q", "[[strasse/e\u0301]] [t](/STRASSE/É)", "[[Q]] [t](/Q)"},
		{"relative links keep their style", "a/b/Cur", "a/x/P", "c/N", "[t](../x/P.md#s) [t](../x/P) ![i](../x/P/f.png) [t](../../a/x/P.MD)", "[t](../../c/N.md#s) [t](../../c/N) ![i](../../c/N/f.png) [t](../../c/N.MD)"},
		{"a neighbour", "a/Cur", "a/P", "a/N", "[t](P.md) [t](./P.md) [t](./P)", "[t](N.md) [t](./N.md) [t](./N)"},
		{"a reference definition, used or not", "Cur", "P", "Q", "[x] [y][x]\n\n[x]: /P#a 'P'\n[unused]: <P.md>\n", "[x] [y][x]\n\n[x]: /Q#a 'P'\n[unused]: <Q.md>\n"},
		{"code stays", "Cur", "P", "Q", "`[[P]]` ``[t](/P)``\n\n    [[P]]\n\n```\n[t](/P)\n```\n\n\\[[P]]", "`[[P]]` ``[t](/P)``\n\n    [[P]]\n\n```\n[t](/P)\n```\n\n\\[[P]]"},
		{"a prefix is no match, and sub-pages stay", "Cur", "P", "Q", "[[P2]] [[P/Sub]] [t](/P/Sub) [t](/P/Sub.md) [t](/P2/f.png) [t](/P/Sub/f.png) [t](/X/P)", "[[P2]] [[P/Sub]] [t](/P/Sub) [t](/P/Sub.md) [t](/P2/f.png) [t](/P/Sub/f.png) [t](/X/P)"},
		{"nothing else changes", "Cur", "P", "Q", "\ufeff---\ntitle: '[[P]]'\n---\r\n*a*  \r\n\t[[P]] <a href=\"/P\">P</a> /P P\r\n\x00\xff[[P]]", "\ufeff---\ntitle: '[[P]]'\n---\r\n*a*  \r\n\t[[Q]] <a href=\"/P\">P</a> /P P\r\n\x00\xff[[Q]]"},
		{"in quotes, lists, alerts, headings, footnotes", "Cur", "P", "Q", "> - [t](\n>   /P)\n\n# [[P]]\n\n> [!NOTE]\n> [[P]]\n\na[^1]\n\n[^1]: [[P]]\n", "> - [t](\n>   /Q)\n\n# [[Q]]\n\n> [!NOTE]\n> [[Q]]\n\na[^1]\n\n[^1]: [[Q]]\n"},
		{"escapes and entities in the destination", "Cur", "a&b_c", "Q", `[t](/a&amp;b\_c#x&amp;y)`, `[t](/Q#x&y)`},
		{"external links stay", "Cur", "P", "Q", "[t](https://example.com/P) [t](//P) [t](mailto:P) <https://P> [t](#P) [[#P]]", "[t](https://example.com/P) [t](//P) [t](mailto:P) <https://P> [t](#P) [[#P]]"},
		{"a name like a scheme", "a/Cur", "a/P", "a/x:y", "[t](P)", "[t](./x:y)"},
	} {
		t.Run(c.why, func(t *testing.T) {
			got, changed := Relink([]byte(c.src), c.path, c.path, c.old, c.new)
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if changed != (c.src != c.want) {
				t.Errorf("changed = %v", changed)
			}
		})
	}
}

// The page that is renamed takes its relative links along.
func TestRelinkMovedPage(t *testing.T) {
	for _, c := range []struct{ why, path, newPath, src, want string }{
		{"to another folder", "a/P", "b/c/N", "[t](Sib.md) [t](../x/Y.md#s) [t](/abs) [[a/Sib]] [t](img/x.png)", "[t](../../a/Sib.md) [t](../../x/Y.md#s) [t](/abs) [[a/Sib]] [t](../../a/img/x.png)"},
		{"within the folder", "a/P", "a/N", "[t](Sib.md) [t](./Sib) ![i](./img.png)", "[t](Sib.md) [t](./Sib) ![i](./img.png)"},
		{"its attachments come along", "a/P", "b/N", "![i](./img.png) ![i](P/img.png) ![i](/a/P/img.png)", "![i](./img.png) ![i](N/img.png) ![i](/b/N/img.png)"},
		{"links to itself", "a/P", "b/N", "[t](P.md#x) [[a/P]] [t](#x)", "[t](N.md#x) [[b/N]] [t](#x)"},
		{"to the root", "a/b/P", "P", "[t](../x.md) [t](y.md)", "[t](a/x.md) [t](a/b/y.md)"},
	} {
		t.Run(c.why, func(t *testing.T) {
			got, _ := Relink([]byte(c.src), c.path, c.newPath, c.path, c.newPath)
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// movedLinks is the model: the links of a page after a rename.
func movedLinks(links []Link, old, new string) []Link {
	out := make([]Link, len(links))
	for i, l := range links {
		out[i] = l
		key := pagepath.Key(l.Target)
		if key == pagepath.Key(old) {
			out[i].Target = new
		} else if cut := strings.LastIndexByte(l.Target, '/'); l.File && cut > 0 && pagepath.Key(l.Target[:cut]) == pagepath.Key(old) {
			out[i].Target = new + l.Target[cut:]
		}
		out[i].Alt, out[i].File = "", false
	}
	return out
}

func TestRelinkProperty(t *testing.T) {
	segment := rapid.SampledFrom([]string{"a", "B", "c d", "é", "x(y)", "100%", "it's", "日本", "a&b", "n_o_w"})
	pagePath := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(segment, 1, 3).Draw(t, "segments"), "/")
	})
	rapid.Check(t, func(t *rapid.T) {
		path, old, new := pagePath.Draw(t, "path"), pagePath.Draw(t, "old"), pagePath.Draw(t, "new")
		newPath := path
		if rapid.Bool().Draw(t, "itself") {
			path, newPath = old, new
		}
		target := rapid.OneOf(rapid.Just(old), rapid.Just(strings.ToUpper(old)), pagePath, rapid.Just(old+"/f.png"), rapid.Just(old+"/sub"))
		piece := rapid.Custom(func(t *rapid.T) string {
			p := target.Draw(t, "target")
			if rapid.Bool().Draw(t, "relative") {
				p = relative("/"+parent(path), p)
			} else {
				p = "/" + p
			}
			enc := encodePath(p, "()", rapid.Bool().Draw(t, "plain"))
			form := rapid.SampledFrom([]string{
				"[[W]]", "[[title|W]]", "[[W#here]]", "|[[t|W]]|b|\n|-|-|\n|[[W]]|`[[W]]`|\n\n", "[t](E)", "[t](E#frag \"title\")", "![i](E)", "[![i](E)](E?q=1)",
				"[t](<E>)", "[t](E.md)", "> [t](E)\n\n", "- [[W]]\n\n", "`[t](E)` ", "```\n[[W]]\n```\n", "\n\n[ref]: E\n\n[ref] ", "**[t](E)** ", "text\n", "# h [[W]]\n", "\\[[W]] ",
			}).Draw(t, "form")
			return strings.NewReplacer("W", strings.TrimLeft(p, "./"), "E", enc).Replace(form)
		})
		src := strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), " ")
		before := Read(path, []byte(src))
		out, changed := Relink([]byte(src), path, newPath, old, new)
		if changed != (string(out) != src) {
			t.Fatalf("changed = %v", changed)
		}
		after := Read(newPath, out)
		if diff := cmp.Diff(movedLinks(before.Links, old, new), movedLinks(after.Links, "\x00", "")); diff != "" {
			t.Fatalf("%q\nbecame\n%q (-want +got):\n%s", src, out, diff)
		}
	})
}

func parent(path string) string {
	if cut := strings.LastIndexByte(path, '/'); cut >= 0 {
		return path[:cut]
	}
	return ""
}
