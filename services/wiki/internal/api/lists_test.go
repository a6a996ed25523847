package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/records"
)

// paths lists one field of the objects in a list.
func paths(a answer, list, field string) []string {
	items, _ := a.body[list].([]any)
	out := []string{}
	for _, item := range items {
		s, _ := item.(body)[field].(string)
		out = append(out, s)
	}
	return out
}

func TestListFiltersCompose(t *testing.T) {
	d := newDoor(t)
	for path, front := range map[string]string{
		"People/Ada":   "category: Person\ntags: [math, Engine]",
		"People/Grace": "category: person\ntags: navy, compiler",
		"Places/Kew":   "category: Place\ntags: [garden]",
	} {
		d.send(t, "PUT", "/pages/"+path, body{"content": "---\n" + front + "\n---\none two three\n"}).want(t, 201)
	}
	today, tomorrow := time.Now().UTC().Format(time.DateOnly), time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	for _, c := range []struct {
		why, query string
		want       []string
	}{
		{"prefix, any case", "prefix=people/", []string{"People/Ada", "People/Grace"}},
		{"category, any case", "category=PERSON", []string{"People/Ada", "People/Grace"}},
		{"tag of a list", "tag=engine", []string{"People/Ada"}},
		{"tag of a comma string", "tag=compiler", []string{"People/Grace"}},
		{"all must hold", "prefix=P&category=person&tag=math", []string{"People/Ada"}},
		{"none", "category=person&tag=garden", []string{}},
		{"since today", "prefix=places&updated_since=" + today, []string{"Places/Kew"}},
		{"since tomorrow", "prefix=places&updated_since=" + tomorrow, []string{}},
		{"with a time and zone whose plus was not encoded", "prefix=places&updated_since=2020-01-01T00:00:00+01:00", []string{"Places/Kew"}},
	} {
		got := d.send(t, "GET", "/pages?"+c.query, nil).want(t, 200)
		if diff := cmp.Diff(c.want, paths(got, "pages", "path")); diff != "" {
			t.Errorf("%s: %s", c.why, diff)
		}
		if got.body["total"] != float64(len(c.want)) {
			t.Errorf("%s: total %v", c.why, got.body["total"])
		}
	}
	one := d.send(t, "GET", "/pages?prefix=People/Ada", nil).body["pages"].([]any)[0]
	if diff := cmp.Diff(any(body{"name": "Ada", "path": "People/Ada", "category": "Person", "tags": []any{"math", "Engine"}, "last_updated": today, "content_length": 3.0}), one); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"updated_since=yesterday", "updated_since=2026-13-01", "limit=0", "limit=1001", "limit=x"} {
		name, _, _ := strings.Cut(bad, "=")
		d.send(t, "GET", "/pages?"+bad, nil).want(t, 422, name)
	}

	first := d.send(t, "GET", "/pages?prefix=P&limit=2", nil).want(t, 200)
	rest := d.send(t, "GET", "/pages?prefix=P&limit=2&after="+url.QueryEscape(first.str("next")), nil).want(t, 200)
	if all := append(paths(first, "pages", "path"), paths(rest, "pages", "path")...); !cmp.Equal(all, []string{"People/Ada", "People/Grace", "Places/Kew"}) || rest.body["next"] != nil || first.body["total"] != 3.0 {
		t.Errorf("pages of the list: %v\n%s\n%s", all, first.raw, rest.raw)
	}
}

func TestSearch(t *testing.T) {
	d := newDoor(t)
	d.send(t, "PUT", "/pages/Turbines", body{"content": "# Turbines\n\nThe zirconium <b>blade</b> of a turbine.\n"}).want(t, 201)
	got := d.send(t, "GET", "/search?q=Zirconium", nil).want(t, 200)
	if got.str("query") != "Zirconium" || got.body["total"] != 1.0 || !cmp.Equal(paths(got, "results", "path"), []string{"Turbines"}) {
		t.Fatalf("search: %s", got.raw)
	}
	hit := got.body["results"].([]any)[0].(body)
	if hit["name"] != "Turbines" || !strings.Contains(hit["snippet"].(string), "zirconium") || hit["score"].(float64) <= 0 || hit["score"].(float64) > 1 {
		t.Errorf("hit: %v", hit)
	}
	for _, q := range []string{"", "?q=", "?q=%20%20"} {
		d.send(t, "GET", "/search"+q, nil).want(t, 422, "q")
	}
	for _, q := range []string{`"`, `"a`, "*", "a*", "NEAR(", "^a", "a AND", "col:x", "-x", "(((", "'; DROP TABLE pages", "\x00", "\u202e", strings.Repeat("w ", 3000)} {
		d.send(t, "GET", "/search?q="+url.QueryEscape(q)+"&limit=3", nil).want(t, 200)
	}
	if none := d.send(t, "GET", "/search?q=turbine&offset=10", nil).want(t, 200); len(paths(none, "results", "path")) != 0 || none.body["total"] != 1.0 {
		t.Errorf("offset: %s", none.raw)
	}
}

func TestLinks(t *testing.T) {
	d := newDoor(t)
	d.send(t, "PUT", "/pages/Hub", body{"content": "[[Spoke]] [[Missing]] [x](/Spoke)\n"}).want(t, 201)
	d.send(t, "PUT", "/pages/Spoke", body{"content": "[[hub]]\n"}).want(t, 201)
	got := d.send(t, "GET", "/links/Hub", nil).want(t, 200)
	if diff := cmp.Diff(body{"path": "Hub", "links_to": []any{"Missing", "Spoke"}, "linked_from": []any{"Spoke"}}, got.body); diff != "" {
		t.Error(diff)
	}
	if unknown := d.send(t, "GET", "/links/No/Such", nil).want(t, 200); !strings.Contains(unknown.raw, `"links_to":[],"linked_from":[]`) {
		t.Errorf("unknown page: %s", unknown.raw)
	}
	graph := d.send(t, "GET", "/links", nil).want(t, 200, `"source":"Hub","target":"Missing"`)
	if nodes := fmt.Sprint(graph.body["nodes"]); !strings.Contains(nodes, "Missing") || !strings.Contains(nodes, "Home") {
		t.Errorf("nodes: %s", nodes)
	}
}

func TestChangelogAndDiff(t *testing.T) {
	d := newDoor(t)
	r1 := d.send(t, "PUT", "/pages/P", body{"content": "a\nb\nc\n", "commit_message": "First\n\nWith a body"}, "User-Agent", "acme-bot/3.1").want(t, 201).str("revision")
	r2 := d.send(t, "PATCH", "/pages/P", body{"revision": r1, "old_string": "b", "new_string": "B"}).want(t, 200).str("revision")
	d.send(t, "PUT", "/pages/Q", body{"content": "q"}).want(t, 201)

	log := d.send(t, "GET", "/changelog?limit=3", nil).want(t, 200)
	entries := log.body["entries"].([]any)
	first := entries[2].(body)
	if first["revision"] != r1 || first["message"] != "First\n\nWith a body" || first["agent"] != "acme-bot" || first["author"] != "Ada" || !cmp.Equal(first["pages_affected"], any([]any{"P"})) {
		t.Errorf("entry: %v", first)
	}
	if _, err := time.Parse(time.RFC3339, first["date"].(string)); err != nil {
		t.Error(err)
	}
	older := d.send(t, "GET", "/changelog?limit=500&before="+log.str("next"), nil).want(t, 200)
	if n := len(older.body["entries"].([]any)); float64(n+3) != log.body["total"] || older.body["next"] != nil {
		t.Errorf("%d older ones of %v", n, log.body["total"])
	}
	d.send(t, "GET", "/changelog?before=00000000", nil).want(t, 422, "before")
	d.send(t, "GET", "/changelog?limit=0", nil).want(t, 422, "limit")

	one := d.send(t, "GET", "/changelog/"+r2[:8], nil).want(t, 200)
	if one.str("revision") != r2 || one.str("parent") != r1 || !strings.Contains(one.raw, `"pages":[{"path":"P","kind":"edited"}]`) {
		t.Errorf("one: %s", one.raw)
	}
	d.send(t, "GET", "/changelog/12345678", nil).want(t, 404)
	d.send(t, "GET", "/changelog/--all", nil).want(t, 422)

	for _, query := range []string{"", "?from=" + r1 + "&to=" + r2, "?to=" + r2[:8]} {
		diff := d.send(t, "GET", "/pages/P/diff"+query, nil).want(t, 200)
		if !strings.Contains(diff.raw, `{"op":"-","text":"b"},{"op":"+","text":"B"}`) || diff.str("path") != "P" {
			t.Errorf("diff%s: %s", query, diff.raw)
		}
	}
	d.send(t, "GET", "/pages/P/diff?from="+r2+"&to="+r2, nil).want(t, 200, `"hunks":[]`)
	d.send(t, "GET", "/pages/Nope/diff", nil).want(t, 404)
	d.send(t, "GET", "/pages/P/diff?from=zzzz", nil).want(t, 422)
}

// An agent may ask before the event that puts the first pages in was delivered.
func TestFirstQuestionToANewWiki(t *testing.T) {
	d := newDoor(t)
	for slug, path := range map[string]string{"one": "/pages", "two": "/changelog", "three": "/search?q=home", "four": "/pages/Home", "five": "/links"} {
		w := d.Bare(t, slug)
		token := d.Token(t, w, records.Viewer, time.Time{})
		d.sendTo(t, slug, "GET", path, nil, "Authorization", "Bearer "+token).want(t, 200, "Home")
	}
}
