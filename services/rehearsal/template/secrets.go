package template

import "strings"

// secrets replaces the dynamic references in a resolved value:
// {{resolve:secretsmanager:id:SecretString:key:stage:version}}, where all but
// the id may be left out and the id may be an ARN.
func (at scope) secrets(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v)) // v may be shared with what it was read from
		for _, k := range sortedKeys(v) {
			with, err := at.below(k).secrets(v[k])
			if err != nil {
				return nil, err
			}
			out[k] = with
		}
		return out, nil
	case []any:
		out := make([]any, 0, len(v))
		for i := range v {
			with, err := at.item(i).secrets(v[i])
			if err != nil {
				return nil, err
			}
			out = append(out, with)
		}
		return out, nil
	case string:
		return at.dynamic(v)
	}
	return v, nil
}

func (at scope) dynamic(s string) (string, error) {
	const open = "{{resolve:"
	var out strings.Builder
	for {
		before, after, found := strings.Cut(s, open)
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		ref, tail, closed := strings.Cut(after, "}}")
		service, id, _ := strings.Cut(ref, ":")
		if !closed || service != "secretsmanager" {
			return "", at.errorf("the dynamic reference %q is not known here", open+ref)
		}
		if at.l.Secret == nil {
			return "", at.errorf("there are no secrets to take %q from", id)
		}
		name, key, err := at.secretRef(id)
		if err != nil {
			return "", err
		}
		value, err := at.l.Secret(name, key)
		if err != nil {
			return "", at.errorf("secret %s: %w", name, err)
		}
		out.WriteString(value)
		s = tail
	}
}

func (at scope) secretRef(id string) (name, key string, err error) {
	parts := strings.Split(id, ":")
	n := 1
	if parts[0] == "arn" {
		n = 7 // arn:aws:secretsmanager:region:account:secret:name-suffix
	}
	if len(parts) < n {
		return "", "", at.errorf("the dynamic reference %q is cut short", id)
	}
	name = strings.Join(parts[:n], ":")
	rest := append(parts[n:], "", "", "", "")
	if rest[0] != "" && rest[0] != "SecretString" {
		return "", "", at.errorf("the dynamic reference %q asks for %s", id, rest[0])
	}
	if rest[2] != "" && rest[2] != "AWSCURRENT" || rest[3] != "" {
		return "", "", at.errorf("the dynamic reference %q asks for a version", id)
	}
	return name, rest[1], nil
}
