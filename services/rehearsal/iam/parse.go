package iam

import (
	"errors"
	"fmt"
)

// Parse reads a policy document as a template holds it once its intrinsics are
// resolved: maps, lists and strings.
func Parse(document any) (Policy, error) {
	doc, ok := document.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("policy document is a %T, not an object", document)
	}
	statements, ok := doc["Statement"].([]any)
	if !ok {
		statements = []any{doc["Statement"]}
	}
	var p Policy
	var wrong []error
	for i, raw := range statements {
		s, err := parseStatement(raw)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("statement %d: %w", i, err))
			continue
		}
		p = append(p, s)
	}
	return p, errors.Join(wrong...)
}

func parseStatement(raw any) (Statement, error) {
	m, ok := raw.(map[string]any)
	if !ok {
		return Statement{}, fmt.Errorf("is a %T, not an object", raw)
	}
	var s Statement
	var wrong []error
	list := func(v any) []string {
		l, err := texts(v)
		if err != nil {
			wrong = append(wrong, err)
		}
		return l
	}
	for key, v := range m {
		switch key {
		case "Sid":
			s.ID, _ = v.(string)
		case "Effect":
			s.Deny = v == "Deny"
			if v != "Allow" && v != "Deny" {
				wrong = append(wrong, fmt.Errorf("effect %v", v))
			}
		case "Action":
			s.Actions = list(v)
		case "NotAction":
			s.NotActions = list(v)
		case "Resource":
			s.Resources = list(v)
		case "NotResource":
			s.NotRes = list(v)
		case "Condition":
			var err error
			if s.Conditions, err = parseConditions(v); err != nil {
				wrong = append(wrong, err)
			}
		default:
			wrong = append(wrong, fmt.Errorf("element %q is not known here", key))
		}
	}
	if m["Effect"] == nil || s.Actions == nil && s.NotActions == nil || s.Resources == nil && s.NotRes == nil {
		wrong = append(wrong, errors.New("effect, action or resource is missing"))
	}
	return s, errors.Join(wrong...)
}

func parseConditions(v any) ([]Condition, error) {
	block, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("condition is a %T, not an object", v)
	}
	var conditions []Condition
	for operator, keys := range block {
		m, ok := keys.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("condition %s is a %T, not an object", operator, keys)
		}
		for key, values := range m {
			list, err := texts(values)
			if err != nil {
				return nil, err
			}
			c, err := parseCondition(operator, key, list)
			if err != nil {
				return nil, err
			}
			conditions = append(conditions, c)
		}
	}
	return conditions, nil
}

// texts reads what may be one string or a list of them. The list is never nil.
func texts(v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		return []string{v}, nil
	case bool:
		return []string{fmt.Sprint(v)}, nil
	case []any:
		list := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return list, fmt.Errorf("%v is a %T, not a string", e, e)
			}
			list = append(list, s)
		}
		return list, nil
	}
	return []string{}, fmt.Errorf("%v is a %T, not a string or a list", v, v)
}
