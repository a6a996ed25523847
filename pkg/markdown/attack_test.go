package markdown

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

var (
	safeAttrs = map[string]bool{
		"href": true, "src": true, "rel": true, "class": true, "id": true, "title": true, "alt": true, "width": true,
		"height": true, "loading": true, "align": true, "colspan": true, "rowspan": true, "scope": true, "start": true,
		"open": true, "datetime": true, "lang": true, "dir": true, "role": true, "tabindex": true, "aria-hidden": true,
		"type": true, "disabled": true, "checked": true, "aria-label": true,
	}
	safeID    = regexp.MustCompile(`^(fn:[0-9]+|fnref[0-9]*:[0-9]+|[\p{L}\p{M}\p{N}_-]+)$`)
	safeClass = regexp.MustCompile(`^(` + strings.Join(slices.Concat(classes, codeClasses()), "|") + `|language-[a-z0-9+#._-]+)$`)
)

// safe reports what in rendered HTML could run, claim or imitate something. It
// looks at the tree a browser would build, not at the text.
func safe(rendered string) error {
	if err := closed(rendered); err != nil {
		return err
	}
	root, err := html.Parse(strings.NewReader("<!doctype html><body><main>" + rendered + "</main>"))
	if err != nil {
		return err
	}
	ids := map[string]bool{}
	for n := range root.Descendants() {
		switch n.Type {
		case html.CommentNode:
			return fmt.Errorf("comment %q", n.Data)
		case html.ElementNode:
		default:
			continue
		}
		switch n.Data {
		case "html", "head", "body", "main":
			continue
		case "input":
			if got := fmt.Sprint(n.Attr); !strings.Contains(got, "checkbox") || !strings.Contains(got, "disabled") {
				return fmt.Errorf("input with %s", got)
			}
		case "tbody": // a parser adds it
		default:
			if !slices.Contains(blockTags, n.Data) && !slices.Contains(inlineTags, n.Data) {
				return fmt.Errorf("element <%s>", n.Data)
			}
		}
		for _, a := range n.Attr {
			if err := safeAttr(n, a, ids); err != nil {
				return err
			}
		}
	}
	return nil
}

// closed reports whether each tag is closed by its own, so that a page can
// neither swallow nor end what is around it.
func closed(rendered string) error {
	var open []string
	z := html.NewTokenizer(strings.NewReader(rendered))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				return fmt.Errorf("<%s> is left open", open[len(open)-1])
			}
			return nil
		case html.StartTagToken:
			name, _ := z.TagName()
			if n := string(name); !slices.Contains([]string{"br", "hr", "img", "input", "wbr"}, n) {
				open = append(open, n)
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				return fmt.Errorf("</%s> closes what is not open: %q", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

func safeAttr(n *html.Node, a html.Attribute, ids map[string]bool) error {
	switch {
	case a.Namespace != "" || !safeAttrs[a.Key]:
		return fmt.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
	case a.Key == "href" || a.Key == "src":
		u, err := url.Parse(a.Val)
		if err != nil {
			return fmt.Errorf("<%s %s=%q>: %w", n.Data, a.Key, a.Val, err)
		}
		if !slices.Contains([]string{"", "http", "https", "mailto"}, u.Scheme) || strings.ContainsAny(a.Val, "\t\r\n\x00 ") ||
			strings.Contains(before(a.Val, "?#"), "\\") { // browsers read it as a slash there
			return fmt.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
		}
		if a.Key == "href" && u.Host != "" && !strings.Contains(attr(n, "rel"), "nofollow") {
			return fmt.Errorf("external link %q without rel", a.Val)
		}
	case a.Key == "id":
		if !safeID.MatchString(a.Val) || ids[a.Val] {
			return fmt.Errorf("<%s id=%q> is malformed or there twice", n.Data, a.Val)
		}
		ids[a.Val] = true
	case a.Key == "class":
		for c := range strings.FieldsSeq(a.Val) {
			if !safeClass.MatchString(c) {
				return fmt.Errorf("<%s class=%q>", n.Data, a.Val)
			}
		}
	}
	return nil
}

func before(s, any string) string {
	if i := strings.IndexAny(s, any); i >= 0 {
		return s[:i]
	}
	return s
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func checkSafe(t *testing.T, rendered string) {
	t.Helper()
	if err := safe(rendered); err != nil {
		t.Errorf("unsafe: %v\nin: %s", err, rendered)
	}
	if seal := strings.TrimSuffix(theDialect().seal, "-"); strings.Contains(rendered, seal) {
		t.Error("the seal leaves the process")
	}
}

// payloads break out of whatever text they are put into, if anything does.
var payloads = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `" onfocus="alert(1)" autofocus="`,
	`</a><script>alert(1)</script>`, `</title></textarea></style></script><svg onload=alert(1)>`, `<svg/onload=alert(1)>`,
	`--><img src=x onerror=alert(1)>`, `]]><script>alert(1)</script>`, "`<b onclick=x>`", `&lt;script&gt;alert(1)&lt;/script&gt;`,
	`&#60;img src=x onerror=alert(1)&#62;`, "\x00<script\x00>", `<<script>script>alert(1)<</script>/script>`, `<scr<script>ipt>alert(1)</scr</script>ipt>`,
	`<div><div><div><b onclick=alert(1)>deep`, `<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `{{constructor.constructor('alert(1)')()}}`, "\u202e\u2066x",
}

// harmful are destinations that run script or read what they should not, as
// browsers read them: entities decoded, control characters dropped.
var harmful = []string{
	`javascript:alert(1)`, `JaVaScRiPt:alert(1)`, `java&#115;cript:alert(1)`, `&#106;avascript:alert(1)`, `&#x6A;avascript&colon;alert(1)`,
	`javascript&#58;alert(1)`, `javascript&#x3a;alert(1)`, `java&Tab;script:alert(1)`, `java&NewLine;script:alert(1)`, `&#1;javascript:alert(1)`,
	`java&#0;script:alert(1)`, `java&#10;script:alert(1)`, `&amp;#106;avascript:alert(1)`, `javascript&amp;colon;alert(1)`, `java\script:alert(1)`,
	`javascript\:alert(1)`, `vbscript:x`, `data:text/html,<script>alert(1)</script>`, `data:text/html;base64,PHNjcmlwdD4=`, `file:///etc/passwd`,
	`about:blank`, `blob:x`, `view-source:x`, `feed:javascript:alert(1)`, `livescript:x`, `&#14;javascript:alert(1)`, `%6Aavascript:alert(1)`,
	`javascript%3Aalert(1)`, `ws://x`, `intent:x`, `x:y`, `//example.com`, `/\example.com`, `\\example.com`, `/%09/example.com`,
}

// Weakness: text that a person typed ends up in a place where it is markup.
func TestStoredXSS(t *testing.T) {
	places := map[string]string{
		"paragraph": "%s", "heading": "# %s", "second heading": "# a\n\n## %s", "emphasis": "*%s*", "mark": "==%s==",
		"link text": "[%s](/Page)", "link destination": "[x](/a%s)", "angle destination": "[x](<%s>)", "link title": "[x](/Page \"%s\")",
		"link title '": "[x](/Page '%s')", "image alt": "![%s](/p/x.png)", "image source": "![x](<%s>)", "image title": "![x](/p/x.png '%s')",
		"reference": "[x]\n\n[x]: /a%s '%s'", "reference label": "[%s]\n\n[%s]: /a", "autolink": "<http://example.com/%s>", "bare link": "http://example.com/%s",
		"wiki link": "[[%s]]", "wiki link title": "[[%s|Page]]", "wiki link anchor": "[[Page#%s]]", "code span": "``%s``", "code": "```\n%s\n```",
		"known code": "```html\n%s\n```", "code info": "```%s\nx\n```", "code info tail": "```rust %s\nx\n```", "indented code": "    %s",
		"table": "|a|b|\n|-|-|\n|%s|%s|", "table head": "|%s|\n|-|", "quote": "> %s", "alert": "> [!NOTE]\n> %s", "alert kind": "> [!%s]\n> x",
		"task": "- [x] %s", "footnote": "a[^1]\n\n[^1]: %s", "footnote name": "a[^%s]\n\n[^%s]: x", "definition": "%s\n: %s", "emoji": ":%s:",
		"front matter": "---\ntitle: |\n  %s\n---\n# x", "front matter key": "---\n\"%s\": x\n---\n", "raw attribute": "<b title=\"%s\">x</b>",
		"raw attribute '": "<a href='%s'>x</a>", "raw bare attribute": "<img src=%s>", "raw tag": "<%s>", "html block": "<div>\n%s\n</div>", "comment": "<!-- %s -->",
	}
	for name, place := range places {
		for _, p := range slices.Concat(payloads, harmful) {
			src := strings.ReplaceAll(place, "%s", p)
			page, err := Render([]byte(src), Options{Path: "a/b", Exists: func(string) bool { return false }})
			if err != nil {
				t.Fatalf("%s: %q: %v", name, src, err)
			}
			if err := safe(page.HTML); err != nil {
				t.Errorf("%s: %q: %v\n%s", name, src, err, page.HTML)
			}
		}
	}
}

// Weakness: a scheme hidden from the filter but not from the browser. The forms
// that reach a page at all must have become paths of the wiki.
func TestHarmfulScheme(t *testing.T) {
	for _, dest := range harmful {
		for _, form := range []string{"[x](%s)", "[x](<%s>)", "![x](%s)", "[x]\n\n[x]: %s", "<%s>", `<a href="%s">x</a>`, `<a href='%s'>x</a>`, `<img src="%s">`, "[[x|%s]]", "[[%s]]"} {
			src := strings.Replace(form, "%s", dest, 1)
			page, err := Render([]byte(src), Options{Path: "p"})
			if err != nil {
				t.Fatal(err)
			}
			checkSafe(t, page.HTML)
		}
	}
}

// Weakness: ids and names of a page shadow what scripts look up (DOM clobbering),
// and classes or styles of a page imitate or cover the screen around it.
func TestClobberingAndOverlay(t *testing.T) {
	for _, src := range []string{
		`<h1 id="location">x</h1>`, `<a id="x" name="y">x</a>`, `<img name="cookie" src="/x.png">`, `<form id="f"><input name="action"></form>`,
		`<li id="s-1">x</li>`, `<div class="btn primary">x</div>`, `<div style="position:fixed;inset:0">x</div>`, `<p style="background:url(javascript:x)">`,
		"# Heading {#location onclick=alert(1) .btn}", `<input type="checkbox">`, `<input type="text" value="password?">`, `<button>x</button>`,
		`<iframe src="https://example.com"></iframe>`, `<object data="x"></object>`, `<embed src="x">`, `<base href="https://example.com">`,
		`<meta http-equiv="refresh" content="0;url=x">`, `<link rel="stylesheet" href="x">`, `<video src="x" poster="javascript:x">`,
		`<template><script>x</script></template>`, `<plaintext>`, `<xmp><script>x</script></xmp>`, `<textarea>`, `<title>`, `<style>*{}</style>`, `<select><option>`,
		`<body onload=x>`, `<html class=x>`, `<table><tr><td></table></table></div></main><footer>`, strings.Repeat("<div>", 600) + "deep",
		strings.Repeat("</div>", 50), strings.Repeat("<b>", 5000), strings.Repeat("> ", 5000) + "deep", strings.Repeat("- ", 3000) + "deep",
		"# a\n# a\n# a-1\n# A\n[^1]\n\n[^1]: x\n\n## fn:1", `<span class="` + "task-list" + ` evil">x</span>`,
	} {
		page, err := Render([]byte(src), Options{Path: "p"})
		if err != nil {
			t.Fatal(err)
		}
		checkSafe(t, page.HTML)
	}
}

// Weakness: a page that costs the server minutes. Each of these was quadratic
// in some parser; the bound is far above what a loaded machine needs.
func TestAlgorithmicComplexity(t *testing.T) {
	const size = 60_000
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for _, src := range []string{
		fill("["), fill("[["), fill("[[a"), fill("!["), fill("[a]"), fill("[a](<b"), fill("[a]("), fill("![a]("), fill("[a]( <"), fill("[a](\\"), fill("[a](b "), fill("[a](b (c"), fill("*a "), fill("*a_b"), fill("a**b c* "),
		fill("**"), fill("`a``"), fill(">"), fill("> "), fill("- a\n  "), strings.Repeat("- ", size/2) + "a", fill("1. ") + "a", fill("a\n: "), fill("[^a]: "),
		"|a|\n|-|\n" + fill("|`\\|`\n"), strings.Repeat("|a", 500) + "\n" + strings.Repeat("|-", 500) + "\n" + fill("|\n"), fill("<a "), fill("<div>"), fill(`<a href="`),
		fill("<!--"), fill("<![CDATA["), fill("<?"), fill("==a"), fill("~a"), fill("~~a ~b "), fill("# a\n"), fill("&#"), fill("http://"), fill("www.a"), fill("a@"), fill(":a"),
		fill("x[^1]\n\n[^1]: n\n\n"), "[^a]: b\n\n" + fill("x[^a] "), "---\na: &a [1]\nb: [" + fill("*a,") + "]\n---\n", "---\na: " + fill("[") + "\n---\n",
		strings.Repeat("[a]: b\n", 100_000), strings.Repeat("*[a]: b\n", 100_000),
		"```rust\n" + fill(`r#"`) + "\n```", "```bash\n" + fill("$((") + "\n```", "```yaml\n" + fill("a: [") + "\n```", "```markdown\n" + fill("[a](*_") + "\n```", "```js\n" + fill("a`${") + "\n```",
	} {
		began := time.Now()
		Read("p", []byte(src))
		if _, err := Render([]byte(src), Options{Path: "p"}); err != nil {
			t.Error(err)
		}
		Relink([]byte(src), "p", "q", "a", "b")
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%.20q… of %d bytes took %v", src, len(src), took)
		}
	}
}

// A short reference to a long definition must not multiply a page's size.
func TestReferenceExpansion(t *testing.T) {
	for why, src := range map[string]string{
		"destination":  "[a]: /" + strings.Repeat("x", 5000) + "\n\n" + strings.Repeat("[a] ", 20_000),
		"title":        "[a]: /x '" + strings.Repeat("x", 5000) + "'\n\n" + strings.Repeat("[a] ", 20_000),
		"picture":      "[a]: /" + strings.Repeat("x", 5000) + "\n\n" + strings.Repeat("![a] ", 20_000),
		"chosen label": "[a]: /" + strings.Repeat("x", 5000) + "\n\n" + strings.Repeat("[b][a] ", 20_000),
	} {
		page, err := Render([]byte(src), Options{Path: "p"})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(page.HTML); got > 20*len(src) {
			t.Errorf("%s: %d bytes became %d", why, len(src), got)
		}
		if n := len(Read("p", []byte(src)).Links); n > 100 {
			t.Errorf("%s: %d links of 5,000 bytes each", why, n)
		}
	}
	page, err := Render([]byte("[a]: /x\n\n"+strings.Repeat("[a] ", 20_000)), Options{Path: "p"})
	if err != nil || strings.Count(page.HTML, "<a ") != 20_000 {
		t.Errorf("%d links, %v; want all of a page that only refers often", strings.Count(page.HTML, "<a "), err)
	}
}

// The judge is judged: what the tests above must refuse.
func TestSafeRefuses(t *testing.T) {
	for _, bad := range []string{
		`<script>x</script>`, `<b onclick=x>x</b>`, `<a href="javascript:x">x</a>`, `<a href="https://e.com">x</a>`, `<p style="x">`, `<div class="btn">x</div>`,
		`<h1 id="a b">x</h1>`, `<h1 id=a>x</h1><h2 id=a>x</h2>`, `<input type=checkbox>`, `<input disabled>`, `</main>x`, `<div>`, `<!-- x -->`, `<svg></svg>`, `<img src="data:x">`,
	} {
		if safe(bad) == nil {
			t.Errorf("%s passes for safe", bad)
		}
	}
}
