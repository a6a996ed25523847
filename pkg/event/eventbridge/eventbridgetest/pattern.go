package eventbridgetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// pattern is an event pattern: every key must match ("Creating Amazon
// EventBridge event patterns").
type pattern map[string]field

// field is what one key must match: alternatives for a value, or a pattern for
// an object.
type field struct {
	nested pattern
	any    []func(value any, present bool) bool
}

func parsePattern(text string) (pattern, error) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("event pattern: %w", err)
	}
	return makePattern(doc, "")
}

func makePattern(doc map[string]any, at string) (pattern, error) {
	if len(doc) == 0 {
		return nil, fmt.Errorf("event pattern %s: empty", at)
	}
	p := pattern{}
	for key, v := range doc {
		here := strings.TrimPrefix(at+"."+key, ".")
		switch v := v.(type) {
		case map[string]any:
			nested, err := makePattern(v, here)
			if err != nil {
				return nil, err
			}
			p[key] = field{nested: nested}
		case []any:
			var f field
			for _, alternative := range v {
				m, err := matcher(alternative)
				if err != nil {
					return nil, fmt.Errorf("event pattern %s: %w", here, err)
				}
				f.any = append(f.any, m)
			}
			if len(f.any) == 0 {
				return nil, fmt.Errorf("event pattern %s: no alternatives", here)
			}
			p[key] = f
		default:
			return nil, fmt.Errorf("event pattern %s: a list or an object is needed", here)
		}
	}
	return p, nil
}

// matcher makes one alternative of a list.
func matcher(want any) (func(any, bool) bool, error) {
	op, ok := want.(map[string]any)
	if !ok {
		return func(got any, present bool) bool { return present && got == want }, nil
	}
	if len(op) != 1 {
		return nil, errors.New("an operator has one key")
	}
	for name, arg := range op {
		text, isText := arg.(string)
		switch {
		case name == "prefix" && isText:
			return func(got any, _ bool) bool { s, ok := got.(string); return ok && strings.HasPrefix(s, text) }, nil
		case name == "suffix" && isText:
			return func(got any, _ bool) bool { s, ok := got.(string); return ok && strings.HasSuffix(s, text) }, nil
		case name == "exists":
			if want, ok := arg.(bool); ok {
				return func(_ any, present bool) bool { return present == want }, nil
			}
		case name == "anything-but":
			values, ok := arg.([]any)
			if !ok {
				values = []any{arg}
			}
			if !slices.ContainsFunc(values, func(v any) bool { _, deep := v.(map[string]any); return deep }) {
				return func(got any, present bool) bool { return present && !slices.Contains(values, got) }, nil
			}
		}
		return nil, fmt.Errorf("operator %q with %T is not understood", name, arg)
	}
	return nil, nil
}

// matches reports whether an event, decoded from JSON, fits.
func (p pattern) matches(doc map[string]any) bool {
	for key, f := range p {
		v, present := doc[key]
		if f.nested != nil {
			inner, _ := v.(map[string]any)
			if !f.nested.matches(inner) {
				return false
			}
			continue
		}
		values, isList := v.([]any)
		if !isList {
			values = []any{v}
		}
		fits := slices.ContainsFunc(values, func(v any) bool {
			if _, deep := v.(map[string]any); deep {
				v = nil // only leaves have values to compare
			}
			return slices.ContainsFunc(f.any, func(m func(any, bool) bool) bool { return m(v, present) })
		})
		if !fits {
			return false
		}
	}
	return true
}
