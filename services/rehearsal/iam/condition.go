package iam

import (
	"fmt"
	"slices"
	"strings"
)

// Condition is one operator on one key.
type Condition struct {
	Operator string // without set prefix and IfExists
	Set      string // "ForAllValues", "ForAnyValue" or ""
	IfExists bool
	Key      string
	Values   []string
}

// operators are those that the fleet's policies use; a policy with another one
// is refused when it is parsed.
var operators = map[string]func(want, got string) bool{
	"StringEquals":              func(want, got string) bool { return want == got },
	"StringNotEquals":           func(want, got string) bool { return want != got },
	"StringLike":                like,
	"StringNotLike":             func(want, got string) bool { return !like(want, got) },
	"StringEqualsIgnoreCase":    strings.EqualFold,
	"StringNotEqualsIgnoreCase": func(want, got string) bool { return !strings.EqualFold(want, got) },
	"ArnEquals":                 like,
	"ArnLike":                   like,
	"Bool":                      strings.EqualFold,
}

func parseCondition(operator, key string, values []string) (Condition, error) {
	c := Condition{Operator: operator, Key: key, Values: values}
	if set, rest, ok := strings.Cut(operator, ":"); ok {
		c.Set, c.Operator = set, rest
		if set != "ForAllValues" && set != "ForAnyValue" {
			return c, fmt.Errorf("condition operator %q: unknown set %q", operator, set)
		}
	}
	c.Operator, c.IfExists = strings.CutSuffix(c.Operator, "IfExists")
	if operators[c.Operator] == nil {
		return c, fmt.Errorf("condition operator %q is not known here", operator)
	}
	return c, nil
}

func (c Condition) holds(keys map[string][]string) bool {
	got, present := keys[c.Key]
	if !present {
		// A key that is absent fails every operator but the negated ones, and
		// ForAllValues is true of nothing.
		return c.IfExists || c.Set == "ForAllValues" || c.Set == "" && strings.Contains(c.Operator, "Not")
	}
	one := func(v string) bool {
		test := func(want string) bool { return operators[c.Operator](want, v) }
		if strings.Contains(c.Operator, "Not") {
			return !slices.ContainsFunc(c.Values, func(want string) bool { return !test(want) })
		}
		return slices.ContainsFunc(c.Values, test)
	}
	if c.Set == "ForAllValues" {
		return !slices.ContainsFunc(got, func(v string) bool { return !one(v) })
	}
	return slices.ContainsFunc(got, one)
}
