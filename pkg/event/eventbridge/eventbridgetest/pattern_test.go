package eventbridgetest

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	const event = `{"source":"wikibot","detail-type":"page.saved","resources":["w1","w2"],"detail":{"version":1,"wiki_id":"w1","actor":{"name":"Ada"},"deep":{"list":[1,2]}}}`
	for _, c := range []struct {
		why, pattern string
		want         bool
	}{
		{"the rule of a subscription", `{"source":["wikibot"],"detail-type":["page.saved","page.deleted"]}`, true},
		{"another type", `{"source":["wikibot"],"detail-type":["page.deleted"]}`, false},
		{"another source", `{"source":["other"],"detail-type":["page.saved"]}`, false},
		{"every key must match", `{"source":["wikibot"],"account":["1"]}`, false},
		{"any element of a list", `{"resources":["w2"]}`, true},
		{"a number", `{"detail":{"version":[1]}}`, true},
		{"a number is no string", `{"detail":{"version":["1"]}}`, false},
		{"nested", `{"detail":{"actor":{"name":["Ada"]}}}`, true},
		{"nested in what is not there", `{"detail":{"agent":{"name":["Ada"]}}}`, false},
		{"prefix", `{"detail-type":[{"prefix":"page."}]}`, true},
		{"prefix of another", `{"detail-type":[{"prefix":"wiki."}]}`, false},
		{"suffix", `{"detail-type":[{"suffix":".saved"}]}`, true},
		{"a replay is told apart", `{"source":["wikibot"],"replay-name":[{"exists":false}]}`, true},
		{"exists", `{"detail":{"wiki_id":[{"exists":true}]}}`, true},
		{"does not exist", `{"detail":{"nothing":[{"exists":true}]}}`, false},
		{"anything but", `{"detail-type":[{"anything-but":["page.saved"]}]}`, false},
		{"anything but another", `{"detail-type":[{"anything-but":"page.deleted"}]}`, true},
		{"one of several kinds", `{"detail-type":["wiki.created",{"prefix":"page."}]}`, true},
	} {
		p, err := parsePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		var doc map[string]any
		if err := json.Unmarshal([]byte(event), &doc); err != nil {
			t.Fatal(err)
		}
		if got := p.matches(doc); got != c.want {
			t.Errorf("%s: %s matches: %v", c.why, c.pattern, got)
		}
	}
}

// A pattern that would match otherwise on AWS must not pass for one that does.
func TestPatternsThatAreNotUnderstood(t *testing.T) {
	for why, text := range map[string]string{
		"no JSON":                     `{`,
		"empty":                       `{}`,
		"a value without a list":      `{"source":"wikibot"}`,
		"no alternatives":             `{"source":[]}`,
		"unknown operator":            `{"source":[{"wildcard":"wiki*"}]}`,
		"two operators in one":        `{"source":[{"prefix":"w","suffix":"t"}]}`,
		"operator with a wrong value": `{"source":[{"exists":"yes"}]}`,
		"nested operator":             `{"source":[{"anything-but":{"prefix":"w"}}]}`,
		"nested empty":                `{"detail":{}}`,
	} {
		if _, err := parsePattern(text); err == nil {
			t.Errorf("%s: %s is accepted", why, text)
		}
	}
}

func TestTransformer(t *testing.T) {
	event := []byte(`{"source":"wikibot","detail":{"id":"01","n":3,"name":"A \"b\" <c>"}}`)
	for _, c := range []struct{ why, template, want, problem string }{
		{why: "what a subscription's target gets", template: `{"subscription":"wiki.bootstrap","event":<event>}`, want: `{"subscription":"wiki.bootstrap","event":{"id":"01","n":3,"name":"A \"b\" \u003cc\u003e"}}`},
		{why: "a text stands without quotes of its own", template: `{"id":<id>}`, want: `{"id":"01"}`},
		{why: "or between quotes", template: `{"text":"event <id> of <source>, \"<id>\""}`, want: `{"text":"event 01 of wikibot, \"01\""}`},
		{why: "quotes in the text stay escaped", template: `{"text":"<name>"}`, want: `{"text":"A \"b\" \u003cc\u003e"}`},
		{why: "a number", template: `{"n":<n>,"text":"<n>"}`, want: `{"n":3,"text":"3"}`},
		{why: "an object between quotes", template: `{"text":"<event>"}`, problem: "between quotes"},
		{why: "a value that is not there", template: `{"x":<missing>}`, problem: "no JSON"},
	} {
		tr := &Transformer{
			Paths:    map[string]string{"event": "$.detail", "id": "$.detail.id", "n": "$.detail.n", "name": "$.detail.name", "source": "$.source", "missing": "$.detail.missing"},
			Template: c.template,
		}
		if err := tr.check(); err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		got, err := tr.apply(event)
		if c.problem != "" {
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%s: %s, %v", c.why, got, err)
			}
			continue
		}
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.why, got, err, c.want)
		}
	}
	for why, tr := range map[string]*Transformer{
		"a variable without a path": {Template: `{"x":<x>}`},
		"a predefined variable":     {Template: `{"x":<aws.events.event.json>}`},
		"a path with an index":      {Paths: map[string]string{"x": "$.detail.list[0]"}, Template: `{"x":<x>}`},
		"no JSON":                   {Paths: map[string]string{"x": "$.detail"}, Template: `{"x":<x>`},
	} {
		if err := tr.check(); err == nil {
			t.Errorf("%s: accepted", why)
		}
	}
}
