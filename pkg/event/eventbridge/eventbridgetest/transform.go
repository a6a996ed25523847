package eventbridgetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Transformer makes a target's input from an event: InputPathsMap and
// InputTemplate of a rule's target ("Amazon EventBridge input transformation").
type Transformer struct {
	// Paths maps a variable to where its value is: "$", "$.detail",
	// "$.detail.id". Nothing else of JSONPath is understood.
	Paths map[string]string
	// Template is JSON in which <variable> stands for the value. Between quotes
	// it stands for text; the predefined <aws.events.…> are not understood.
	Template string
}

func (t *Transformer) check() error {
	for name, path := range t.Paths {
		if path != "$" && (!strings.HasPrefix(path, "$.") || strings.ContainsAny(path, "[]*?@ ") || strings.Contains(path, "..")) {
			return fmt.Errorf("path %q of <%s> is not understood", path, name)
		}
	}
	// With every variable an object, or text, the result shows whether the
	// template as such is JSON.
	out, err := t.fill(func(string) (any, bool) { return "x", true })
	if err != nil {
		return err
	}
	if !json.Valid(out) {
		return errors.New("input template does not make JSON")
	}
	return nil
}

// apply makes the input from an event.
func (t *Transformer) apply(event []byte) ([]byte, error) {
	var doc any
	if err := json.Unmarshal(event, &doc); err != nil {
		return nil, err
	}
	out, err := t.fill(func(path string) (any, bool) {
		v := doc
		for _, key := range strings.Split(path, ".")[1:] {
			m, ok := v.(map[string]any)
			if !ok {
				return nil, false
			}
			if v, ok = m[key]; !ok {
				return nil, false
			}
		}
		return v, true
	})
	if err == nil && !json.Valid(out) {
		err = errors.New("input is no JSON")
	}
	return out, err
}

// fill writes the template with values put in. A value that the event lacks
// leaves a hole, as on AWS.
func (t *Transformer) fill(value func(path string) (any, bool)) ([]byte, error) {
	var out strings.Builder
	quoted := false
	for rest := t.Template; rest != ""; {
		switch c := rest[0]; {
		case c == '\\' && quoted && len(rest) > 1:
			out.WriteString(rest[:2])
			rest = rest[2:]
			continue
		case c == '"':
			quoted = !quoted
		case c == '<':
			name, after, ok := strings.Cut(rest[1:], ">")
			path, known := t.Paths[name]
			if !ok || !known {
				return nil, fmt.Errorf("input template uses <%s>, which has no path", name)
			}
			if v, ok := value(path); ok {
				text, err := insertion(v, quoted)
				if err != nil {
					return nil, fmt.Errorf("<%s>: %w", name, err)
				}
				out.WriteString(text)
			}
			rest = after
			continue
		}
		out.WriteByte(rest[0])
		rest = rest[1:]
	}
	return []byte(out.String()), nil
}

func insertion(v any, quoted bool) (string, error) {
	text, err := json.Marshal(v)
	if err != nil || !quoted {
		return string(text), err
	}
	switch v.(type) {
	case string:
		return string(text[1 : len(text)-1]), nil
	case map[string]any, []any:
		return "", errors.New("an object or list stands between quotes")
	}
	return string(text), nil
}
