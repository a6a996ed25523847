package markdown

import (
	"bytes"
	"math"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	maxFrontMatter = 64 << 10 // bytes
	maxFrontNodes  = 10_000   // values, aliases counted each time they are used
	maxFrontDepth  = 32
)

// readFrontMatter reads a YAML mapping between a line "---" at byte 0 and a line
// "---" or "...". It returns the mapping and how many bytes it takes with its
// fences. Anything else is not front matter but text.
func readFrontMatter(src []byte) (map[string]any, int, bool) {
	first, rest, ok := cutLine(src)
	if !ok || string(bytes.TrimRight(first, " \t\r")) != "---" {
		return nil, 0, false
	}
	open := len(src) - len(rest)
	for len(rest) > 0 && len(src)-len(rest) <= maxFrontMatter {
		at := len(src) - len(rest)
		var line []byte
		line, rest, _ = cutLine(rest)
		switch string(bytes.TrimRight(line, " \t\r")) {
		case "---", "...":
			m, ok := readMapping(src[open:at])
			return m, len(src) - len(rest), ok
		}
	}
	return nil, 0, false
}

func cutLine(b []byte) (line, rest []byte, found bool) { return bytes.Cut(b, []byte("\n")) }

func readMapping(src []byte) (map[string]any, bool) {
	if !looksLikeMapping(src) {
		return nil, false
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return nil, false
	}
	if doc.Kind == 0 { // nothing but comments and blank lines
		return map[string]any{}, true
	}
	budget := maxFrontNodes
	v, ok := plainYAML(doc.Content[0], maxFrontDepth, &budget)
	if !ok {
		return nil, false
	}
	m, ok := v.(map[string]any)
	return m, ok
}

// looksLikeMapping saves the YAML parser, which is slow, from prose between two
// thematic breaks.
func looksLikeMapping(src []byte) bool {
	return len(bytes.TrimSpace(src)) == 0 || bytes.ContainsAny(src, ":#")
}

// plainYAML turns a node into what JSON can say: nil, bool, int64, float64,
// string, []any, map[string]any. Dates stay as written. It fails on what expands
// beyond the budget, as a chain of aliases can.
func plainYAML(n *yaml.Node, depth int, budget *int) (any, bool) {
	*budget--
	if *budget < 0 || depth < 0 {
		return nil, false
	}
	switch n.Kind {
	case yaml.AliasNode:
		return plainYAML(n.Alias, depth-1, budget)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, ok := plainYAML(c, depth-1, budget)
			if !ok {
				return nil, false
			}
			list = append(list, v)
		}
		return list, true
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, ok := plainYAML(n.Content[i+1], depth-1, budget)
			if !ok {
				return nil, false
			}
			m[n.Content[i].Value] = v
		}
		return m, true
	}
	return plainScalar(n), true
}

func plainScalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b
		}
	case "!!int":
		var i int64
		if n.Decode(&i) == nil {
			return i
		}
	case "!!float":
		var f float64
		if n.Decode(&f) == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
	}
	return n.Value
}

// frontString reads a value that should be a string; anything else is "".
func frontString(v any) string {
	s, _ := v.(string)
	return strings.Join(strings.Fields(s), " ")
}

// frontTags reads a list of strings, or one string split at commas.
func frontTags(v any) []string {
	var tags []string
	add := func(s string) {
		if s = frontString(s); s != "" {
			tags = append(tags, s)
		}
	}
	switch v := v.(type) {
	case string:
		for s := range strings.SplitSeq(v, ",") {
			add(s)
		}
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				add(s)
			}
		}
	}
	return tags
}
