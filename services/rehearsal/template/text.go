package template

import (
	"errors"
	"strconv"
	"strings"
)

// text resolves what must come out as a scalar and returns it as CloudFormation
// writes it into a string.
func (at scope) text(v any) (string, error) {
	v, err := at.value(v)
	if err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	return "", at.errorf("a text was expected, not %T", v)
}

// texts resolves what must come out as a list of scalars.
func (at scope) texts(v any) ([]string, error) {
	v, err := at.value(v)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, at.errorf("a list was expected, not %T", v)
	}
	var out []string
	for i, item := range list {
		s, err := at.item(i).text(item)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// text2 resolves the functions over texts that take two arguments.
func (at scope) text2(name string, arg any) (any, error) {
	args, ok := arg.([]any)
	if !ok || len(args) != 2 {
		return nil, at.errorf("%s takes two arguments", name)
	}
	at = at.below(name)
	first, err := at.item(0).text(args[0])
	if err != nil {
		return nil, err
	}
	switch name {
	case "Fn::Join":
		parts, err := at.item(1).texts(args[1])
		return strings.Join(parts, first), err
	case "Fn::Split":
		whole, err := at.item(1).text(args[1])
		if err != nil {
			return nil, err
		}
		var out []any
		for part := range strings.SplitSeq(whole, first) {
			out = append(out, part)
		}
		return out, nil
	default: // Fn::Select
		list, err := at.item(1).value(args[1])
		if err != nil {
			return nil, err
		}
		items, _ := list.([]any)
		i, err := strconv.Atoi(first)
		if err != nil || i < 0 || i >= len(items) {
			return nil, at.errorf("there is no item %s among %d", first, len(items))
		}
		return items[i], nil
	}
}

func (at scope) choose(arg any) (any, error) {
	args, ok := arg.([]any)
	if !ok || len(args) != 3 {
		return nil, at.errorf("Fn::If takes a condition and two values")
	}
	name, _ := args[0].(string)
	holds, err := at.l.condition(at, name)
	if err != nil {
		return nil, err
	}
	if holds {
		return at.below("Fn::If").item(1).value(args[1])
	}
	return at.below("Fn::If").item(2).value(args[2])
}

// condition resolves a named condition of the stack.
func (l *loader) condition(from scope, name string) (bool, error) {
	c, ok := from.stack.Conditions[name]
	if !ok {
		return false, from.errorf("there is no condition %q", name)
	}
	at := scope{l: l, stack: from.stack, path: from.stack.name + conditions + name}
	if l.deciding[at.path] {
		return false, at.errorf("the condition leads back to itself")
	}
	l.deciding[at.path] = true
	defer delete(l.deciding, at.path)
	v, err := at.value(c)
	if err != nil {
		return false, err
	}
	holds, ok := v.(bool)
	if !ok {
		return false, at.errorf("a condition is true or false, not %T", v)
	}
	return holds, nil
}

const conditions = ".Conditions."

// isCondition: the functions of conditions are known only there. Elsewhere
// {"Condition": …} is an ordinary property, of a policy's statement for example.
func (at scope) isCondition() bool {
	return strings.HasPrefix(at.path, at.stack.name+conditions)
}

func (at scope) truth(name string, arg any) (any, error) {
	if name == "Condition" {
		other, _ := arg.(string)
		return at.l.condition(at, other)
	}
	args, ok := arg.([]any)
	if !ok || len(args) == 0 {
		return nil, at.errorf("%s takes a list", name)
	}
	if name == "Fn::Equals" {
		sides, err := at.below(name).texts(args)
		if err != nil || len(sides) != 2 {
			return nil, errors.Join(err, at.errorf("Fn::Equals takes two values"))
		}
		return sides[0] == sides[1], nil
	}
	all, some := true, false
	for i, arg := range args {
		v, err := at.below(name).item(i).value(arg)
		if err != nil {
			return nil, err
		}
		holds, ok := v.(bool)
		if !ok {
			return nil, at.errorf("%s takes conditions, not %T", name, v)
		}
		all, some = all && holds, some || holds
	}
	switch name {
	case "Fn::And":
		return all, nil
	case "Fn::Or":
		return some, nil
	default: // Fn::Not
		return !some, nil
	}
}
