package index

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTerms(t *testing.T) {
	for _, c := range []struct{ why, text, want string }{
		{"case", "Hello HELLO", "hello hello "},
		{"endings", "running runs relational conditional connections flies", "run run relat condit connect fli "},
		{"diacritics, composed or not", "Übung u\u0308bung naïve", "ubung ubung naiv "},
		{"folding that changes length", "Straße STRASSE ﬁne", "strass strass fine "},
		{"code", "Install-Module foo_bar v1.2.3 a+b", "instal modul foo bar v1 2 3 a b "},
		{"a term for each character where words are not spaced", "数据库 かな", "数 据 库 か な "},
		{"other scripts", "Привет мир ελληνικά", "привет мир ελληνικα "},
		{"digits of all kinds", "٣ ½ x²", "٣ 12 x2 "},
		{"nothing", "… ☃ 🙂 \x00 -", ""},
		{"letters that decompose into several words", "ﷺ", "صلىاللهعليهوسلم "},
		{"bytes that are no text", "a\xffb", "a b "},
		{"data", strings.Repeat("x", 200), strings.Repeat("x", maxTerm) + " "},
	} {
		if got := terms(c.text); got != c.want {
			t.Errorf("%s: terms(%q) = %q, want %q", c.why, c.text, got, c.want)
		}
	}
}

// From the vocabulary that Porter published with the algorithm, one or more for
// each rule.
func TestStem(t *testing.T) {
	for word, want := range map[string]string{
		"caresses": "caress", "ponies": "poni", "ties": "ti", "caress": "caress", "cats": "cat", "feed": "feed", "agreed": "agre",
		"plastered": "plaster", "bled": "bled", "motoring": "motor", "sing": "sing", "conflated": "conflat", "troubled": "troubl",
		"sized": "size", "hopping": "hop", "tanned": "tan", "falling": "fall", "hissing": "hiss", "fizzed": "fizz", "failing": "fail",
		"filing": "file", "happy": "happi", "sky": "sky", "relational": "relat", "rational": "ration", "valenci": "valenc",
		"digitizer": "digit", "conformabli": "conform", "radicalli": "radic", "differentli": "differ", "vileli": "vile",
		"analogousli": "analog", "vietnamization": "vietnam", "predication": "predic", "operator": "oper", "feudalism": "feudal",
		"decisiveness": "decis", "hopefulness": "hope", "callousness": "callous", "formaliti": "formal", "sensitiviti": "sensit",
		"sensibiliti": "sensibl", "triplicate": "triplic", "formative": "form", "formalize": "formal", "electriciti": "electr",
		"electrical": "electr", "hopeful": "hope", "goodness": "good", "revival": "reviv", "allowance": "allow", "inference": "infer",
		"airliner": "airlin", "gyroscopic": "gyroscop", "adjustable": "adjust", "defensible": "defens", "irritant": "irrit",
		"replacement": "replac", "adjustment": "adjust", "dependent": "depend", "adoption": "adopt", "homologou": "homolog",
		"communism": "commun", "activate": "activ", "angulariti": "angular", "homologous": "homolog", "effective": "effect",
		"bowdlerize": "bowdler", "probate": "probat", "rate": "rate", "cease": "ceas", "controll": "control", "roll": "roll", "by": "by",
	} {
		if got := stem(word); got != want {
			t.Errorf("stem(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestParseQuery(t *testing.T) {
	for _, c := range []struct{ why, query, want string }{
		{"words", "Foo bars ", `"foo" AND "bar"`},
		{"the last word may be unfinished", "foo runnin", `"foo" AND ("runnin" * OR "run")`},
		{"but not when a space follows", "running ", `"run"`},
		{"a short one begins words in title and path alone", "run", `({title path} : "run" * OR "run")`},
		{"two letters begin too many", "ru", `"ru"`},
		{"a phrase", `"fast running" x`, `"fast run" AND "x"`},
		{"a word of several terms", "install-module ", `"instal modul"`},
		{"one that is being typed", "install-modu", `("instal modu" *)`},
		{"a lone quote", `foo " bar `, `"foo" AND "bar"`},
		{"operators are words", "a NEAR/3 b NOT c* ^d title:e {x} -f ", `"near 3" AND "b" AND "c" AND "d" AND "titl e" AND "x" AND "f"`},
		{"stop words go when others are there", "how to install the thing ", `"instal" AND "thing"`},
		{"and stay when not", "to be or not to be", `"to" AND "be" AND "or" AND "not" AND "to" AND "be"`},
		{"and count in quotes", `"the thing"`, `"the thing"`},
		{"nothing to search for", "\x00 \"\" '-- ; ☃ ()", ""},
	} {
		if got := expression(parseQuery(c.query), "AND"); got != c.want {
			t.Errorf("%s: %q became %s, want %s", c.why, c.query, got, c.want)
		}
	}
}

func marked(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		if s.Match {
			b.WriteString("<" + s.Text + ">")
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

func TestSnippet(t *testing.T) {
	filler := strings.Repeat("filler words go here ", 40)
	for _, c := range []struct{ why, page, query, want string }{
		{"all of a short page", "# Title\n\nI was *running* to [the hill](/Hill).", "runs hill", "Title I was <running> to the <hill>."},
		{"case, accents, endings", "Die ÜBUNGEN beginnen, ubungen enden", `"übungen"`, "Die <ÜBUNGEN> beginnen, <ubungen> enden"},
		{"a prefix", "mountains and mounts", "moun", "<mountains> and <mounts>"},
		{"where most words are together", "alpha at first. " + filler + "Then alpha beside beta. " + filler, "alpha beta",
			"…here filler words go here filler words go here Then <alpha> beside <beta>. filler words go here filler words go here filler words go here filler words go here filler words go here filler words go here filler…"},
		{"the beginning if only the title fits", "---\ntitle: Zeta\n---\nSome text.", "zeta", "Some text."},
		{"nothing", "", "x", ""},
		{"tables, code and tags", "| a | b |\n|---|---|\n| needle | `x` |\n\n```go\nfmt <b>\n```\n<div>y</div> 1 < 2", "needle", "a b <needle> x fmt y 1 < 2"},
	} {
		text := plainText([]byte(c.page))
		if diff := cmp.Diff(c.want, strings.Join(strings.Fields(marked(snippet(text, newMatcher(parseQuery(c.query))))), " ")); diff != "" {
			t.Errorf("%s:\n%s", c.why, diff)
		}
	}
}

func TestSearchOrderAndScores(t *testing.T) {
	w := newWorld(t, t.TempDir())
	set := map[string]string{
		"Other.md":       "Something about deploying, once, among many other words that say other things.",
		"Deployment.md":  "# Deployment\n\nHow to deploy.",
		"Guide/Steps.md": "## Deploy the thing\n\nSteps follow.",
		"Unrelated.md":   "Nothing of the kind.",
	}
	for i := range 30 {
		set[fmt.Sprintf("Noise/%d.md", i)] = "Plain text without that word."
	}
	wiki := w.save(set)
	c, _ := w.cache()
	closing(t, c)
	v, ctx := mustView(t, c, wiki), context.Background()
	hits, total, err := v.Search(ctx, "deploy", 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range hits {
		got = append(got, h.Path)
	}
	if diff := cmp.Diff([]string{"Deployment", "Guide/Steps", "Other"}, got); diff != "" || total != 3 {
		t.Errorf("total %d %s", total, diff)
	}
	if hits[0].Score != 1 || hits[2].Score <= 0 {
		t.Errorf("scores %v to %v, want 1 to above 0", hits[0].Score, hits[2].Score)
	}
	some, _, err := v.Search(ctx, "deploy zebra", 10, 0)
	if err != nil || len(some) != 3 || some[0].Score > someWords {
		t.Errorf("any of the words: %v %v", some, err)
	}
	// Pages of results are pieces of one list.
	all, total, err := v.Search(ctx, "word", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var pieces []Hit
	for len(pieces) < total {
		piece, _, err := v.Search(ctx, "word", 7, len(pieces))
		if err != nil || len(piece) == 0 {
			t.Fatal(err, len(piece))
		}
		pieces = append(pieces, piece...)
	}
	if diff := cmp.Diff(all, pieces); diff != "" {
		t.Error(diff)
	}
	if beyond, n, err := v.Search(ctx, "word", 7, total); err != nil || len(beyond) != 0 || n != total {
		t.Errorf("beyond the end: %v %d %v", beyond, n, err)
	}
}

// More pages match than are ranked: none is lost, none comes twice.
func TestSearchForWhatIsEverywhere(t *testing.T) {
	w := newWorld(t, t.TempDir())
	set := make(map[string]string)
	for i := range manyHits + 50 {
		set[fmt.Sprintf("P%d.md", i)] = "common text"
	}
	set["Common.md"] = "common"
	wiki := w.save(set)
	c, _ := w.cache()
	closing(t, c)
	hits, total, err := mustView(t, c, wiki).Search(context.Background(), "common", 0, 0)
	if err != nil || total != len(set) || len(hits) != total || hits[0].Path != "Common" {
		t.Fatalf("%d hits of %d, %v", len(hits), total, err)
	}
	seen := make(map[string]bool)
	for _, h := range hits {
		if seen[h.Path] {
			t.Fatalf("%s comes twice", h.Path)
		}
		seen[h.Path] = true
	}
}

// FuzzSearch: whatever is typed, a search does not fail, and what it marks is
// text.
func FuzzSearch(f *testing.F) {
	for _, seed := range []string{"", `"`, `""`, "a AND b", "x* OR", "NEAR(a, b)", "title:x", "\x00", "日本語 かな", "'; DROP TABLE pages; --", "☃ 🙂", `"a b`, "^a", "(", "{title}:x", "\xff\xfe",
		strings.Repeat("word ", 400), strings.Repeat("ﷺ", 300), "a\"*\"b"} {
		f.Add(seed)
	}
	w := newWorld(f, f.TempDir())
	wiki := w.save(map[string]string{"A.md": "# A\n\nword x 日本語 title or and near", "B.md": "b a b x"})
	c, _ := w.cache()
	f.Cleanup(func() { _ = c.Close() })
	v := mustView(f, c, wiki)
	f.Fuzz(func(t *testing.T, query string) {
		hits, total, err := v.Search(context.Background(), query, 1, 0)
		if err != nil || len(hits) > total {
			t.Fatalf("%d of %d: %v", len(hits), total, err)
		}
		for _, h := range hits {
			for _, s := range h.Snippet {
				if s.Text == "" || !utf8.ValidString(s.Text) {
					t.Errorf("span %q", s.Text)
				}
			}
		}
	})
}

// FuzzPlainText: a snippet's text is valid and no page breaks it.
func FuzzPlainText(f *testing.F) {
	for _, seed := range []string{"---\n", "---\nx\n---\ny", "[a](b", "![](", "<", "\\", "|", "a\xff[b](c)d", "```\n~~~\n"} {
		f.Add([]byte(seed), "a b")
	}
	f.Fuzz(func(t *testing.T, page []byte, query string) {
		text := plainText(page)
		if !utf8.ValidString(text) {
			t.Fatalf("%q", text)
		}
		for _, s := range snippet(text, newMatcher(parseQuery(query))) {
			if !utf8.ValidString(s.Text) {
				t.Fatalf("span %q of %q", s.Text, text)
			}
		}
	})
}
