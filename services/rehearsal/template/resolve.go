package template

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// scope is a place in a template, for messages, with what it takes to resolve
// what stands there.
type scope struct {
	l     *loader
	stack *stack
	path  string
}

// errNoValue leaves out the property that was AWS::NoValue.
var errNoValue = errors.New("no value")

func (at scope) below(name string) scope {
	at.path += "." + name
	return at
}

func (at scope) item(i int) scope {
	at.path += "[" + strconv.Itoa(i) + "]"
	return at
}

func (at scope) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", at.path, fmt.Errorf(format, args...))
}

// value resolves whatever stands at the place.
func (at scope) value(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 1 {
			for name, arg := range v {
				if name == "Ref" || strings.HasPrefix(name, "Fn::") {
					return at.call(name, arg)
				}
				if name == "Condition" && at.isCondition() {
					return at.call(name, arg)
				}
			}
		}
		return at.object(v)
	case []any:
		return at.list(v)
	default:
		return v, nil
	}
}

func (at scope) object(m map[string]any) (any, error) {
	out := make(map[string]any, len(m))
	for _, k := range sortedKeys(m) {
		if strings.HasPrefix(k, "Fn::") {
			return nil, at.errorf("%s has other keys beside it", k)
		}
		v, err := at.below(k).value(m[k])
		if errors.Is(err, errNoValue) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[k] = v
	}
	return out, nil
}

func (at scope) list(items []any) (any, error) {
	out := make([]any, 0, len(items))
	for i, item := range items {
		v, err := at.item(i).value(item)
		if errors.Is(err, errNoValue) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (at scope) call(name string, arg any) (any, error) {
	switch name {
	case "Ref":
		id, ok := arg.(string)
		if !ok {
			return nil, at.errorf("Ref takes a name")
		}
		return at.ref(id)
	case "Fn::GetAtt":
		return at.getAtt(arg)
	case "Fn::Sub":
		return at.sub(arg)
	case "Fn::ImportValue":
		export, err := at.text(arg)
		if err != nil {
			return nil, err
		}
		v, err := at.l.imported(export)
		if err != nil {
			return nil, at.errorf("Fn::ImportValue: %w", err)
		}
		return v, nil
	case "Fn::If":
		return at.choose(arg)
	case "Fn::GetAZs":
		return at.zones(arg)
	case "Fn::FindInMap":
		return at.mapped(arg)
	case "Fn::Base64":
		s, err := at.text(arg)
		return base64.StdEncoding.EncodeToString([]byte(s)), err
	case "Fn::Join", "Fn::Select", "Fn::Split":
		return at.text2(name, arg)
	case "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not", "Condition":
		if at.isCondition() {
			return at.truth(name, arg)
		}
	}
	return nil, at.errorf("the function %s is not known here", name)
}

// ref resolves a reference to a pseudo parameter, a parameter or a resource.
func (at scope) ref(id string) (any, error) {
	if strings.HasPrefix(id, "AWS::") {
		return at.pseudo(id)
	}
	if p, ok := at.stack.Parameters[id]; ok {
		if p.Default == nil || strings.HasPrefix(p.Type, "AWS::SSM::") {
			return nil, at.errorf("the parameter %s has no value without a deployment", id)
		}
		return p.Default, nil
	}
	r, err := at.referred(id)
	if err != nil {
		return nil, err
	}
	return r.ref, nil
}

func (at scope) referred(id string) (*resolved, error) {
	if _, ok := at.stack.Resources[id]; !ok {
		return nil, at.errorf("there is no resource %q", id)
	}
	if ok, err := at.l.present(at.stack, id); err != nil || !ok {
		return nil, errors.Join(err, at.errorf("the resource %q is not created", id))
	}
	return at.l.resource(at.stack, id)
}

func (at scope) pseudo(id string) (any, error) {
	switch id {
	case "AWS::AccountId":
		return at.l.Account, nil
	case "AWS::Region":
		return at.l.Region, nil
	case "AWS::Partition":
		return "aws", nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	case "AWS::StackName":
		return at.stack.name, nil
	case "AWS::StackId":
		return fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%s", at.l.Region, at.l.Account, at.stack.name, uuid(at.stack.name)), nil
	case "AWS::NotificationARNs":
		return []any{}, nil
	case "AWS::NoValue":
		return nil, errNoValue
	}
	return nil, at.errorf("the pseudo parameter %s is not known here", id)
}

func (at scope) getAtt(arg any) (any, error) {
	var id, name string
	switch arg := arg.(type) {
	case string: // "Logical.Attribute", as YAML writes it
		id, name, _ = strings.Cut(arg, ".")
	case []any:
		if len(arg) == 2 {
			id, _ = arg[0].(string)
			var err error
			if name, err = at.text(arg[1]); err != nil {
				return nil, err
			}
		}
	}
	if id == "" || name == "" {
		return nil, at.errorf("Fn::GetAtt takes a resource and an attribute")
	}
	r, err := at.referred(id)
	if err != nil {
		return nil, err
	}
	v, err := at.l.attribute(r, name)
	if err != nil {
		return nil, at.errorf("Fn::GetAtt %s.%s: %w", id, name, err)
	}
	return v, nil
}

// sub resolves Fn::Sub: "${Name}", "${Name.Attribute}", "${!Literal}", with or
// without variables of its own.
func (at scope) sub(arg any) (any, error) {
	vars := map[string]any{}
	if list, ok := arg.([]any); ok && len(list) == 2 {
		arg = list[0]
		vars, _ = list[1].(map[string]any)
	}
	rest, ok := arg.(string)
	if !ok {
		return nil, at.errorf("Fn::Sub takes a text, and variables if it has any")
	}
	var out strings.Builder
	for {
		before, after, found := strings.Cut(rest, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return nil, at.errorf("Fn::Sub: %q is not closed", "${"+after)
		}
		rest = tail
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			out.WriteString("${" + literal + "}")
			continue
		}
		s, err := at.variable(strings.TrimSpace(name), vars)
		if err != nil {
			return nil, err
		}
		out.WriteString(s)
	}
}

func (at scope) variable(name string, vars map[string]any) (string, error) {
	if v, ok := vars[name]; ok {
		return at.text(v)
	}
	if !strings.HasPrefix(name, "AWS::") && strings.Contains(name, ".") {
		return at.text(map[string]any{"Fn::GetAtt": name})
	}
	return at.text(map[string]any{"Ref": name})
}

// zones gives the availability zones of a region: three, as most have.
func (at scope) zones(arg any) (any, error) {
	region, err := at.text(arg)
	if err != nil {
		return nil, err
	}
	if region == "" {
		region = at.l.Region
	}
	return []any{region + "a", region + "b", region + "c"}, nil
}

func (at scope) mapped(arg any) (any, error) {
	keys, err := at.texts(arg)
	if err != nil || len(keys) != 3 {
		return nil, errors.Join(err, at.errorf("Fn::FindInMap takes a map and two keys"))
	}
	v, ok := at.stack.Mappings[keys[0]][keys[1]][keys[2]]
	if !ok {
		return nil, at.errorf("Fn::FindInMap: there is no %s", strings.Join(keys, "."))
	}
	return v, nil
}
