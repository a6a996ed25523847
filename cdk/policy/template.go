package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Stage is the templates of one stage.
type Stage struct {
	Name      string // "dev"
	resources []*Resource
	byName    map[string]*Resource // "stack/logical id"
	exports   map[string]any       // value by name of export
	outputs   map[string]any       // value by "stack/key"
}

// Resource is one resource of a template.
type Resource struct {
	Stack string // without the stage's prefix: "fleet"
	ID    string // logical id
	Type  string
	Props object
	All   object // with DeletionPolicy and the like
}

func (r *Resource) String() string { return r.Stack + "/" + r.ID }

type object = map[string]any

// Read parses the templates of a stage, by name of stack ("wikibot-dev-fleet").
func Read(name string, templates map[string][]byte) (*Stage, error) {
	s := &Stage{Name: name, byName: map[string]*Resource{}, exports: object{}, outputs: object{}}
	for _, stackName := range slices.Sorted(maps.Keys(templates)) {
		var t struct {
			Resources map[string]object
			Outputs   map[string]struct {
				Value  any
				Export struct{ Name string }
			}
		}
		if err := json.Unmarshal(templates[stackName], &t); err != nil {
			return nil, fmt.Errorf("read the template of %s: %w", stackName, err)
		}
		stack := strings.TrimPrefix(stackName, "wikibot-"+name+"-")
		for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
			all := t.Resources[id]
			r := &Resource{Stack: stack, ID: id, Type: text(all["Type"]), All: all, Props: child(all, "Properties")}
			s.resources = append(s.resources, r)
			s.byName[r.String()] = r
		}
		for key, output := range t.Outputs {
			value := qualified(stack, output.Value)
			s.outputs[stack+"/"+key] = value
			if output.Export.Name != "" {
				s.exports[output.Export.Name] = value
			}
		}
	}
	return s, nil
}

// qualified marks which stack a reference is made in.
func qualified(stack string, v any) any { return object{"in": stack, "value": v} }

// of lists the resources of a type.
func (s *Stage) of(kind string) []*Resource {
	var out []*Resource
	for _, r := range s.resources {
		if r.Type == kind {
			out = append(out, r)
		}
	}
	return out
}

// target is the resource that a value refers to, or nil: Ref and Fn::GetAtt
// within a stack, Fn::ImportValue into another one.
func (s *Stage) target(stack string, v any) *Resource {
	o, ok := v.(object)
	if !ok {
		return nil
	}
	if id, ok := o["Ref"].(string); ok {
		return s.byName[stack+"/"+id]
	}
	if get, ok := o["Fn::GetAtt"].([]any); ok && len(get) > 0 {
		return s.byName[stack+"/"+text(get[0])]
	}
	if name, ok := o["Fn::ImportValue"].(string); ok {
		if export, ok := s.exports[name].(object); ok {
			return s.target(text(export["in"]), export["value"])
		}
	}
	return nil
}

// refersTo reports whether any part of v refers to r.
func (s *Stage) refersTo(stack string, v any, r *Resource) bool {
	if s.target(stack, v) == r {
		return true
	}
	switch v := v.(type) {
	case object:
		for _, part := range v {
			if s.refersTo(stack, part, r) {
				return true
			}
		}
	case []any:
		for _, part := range v {
			if s.refersTo(stack, part, r) {
				return true
			}
		}
	}
	return false
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func number(v any) float64 {
	n, _ := v.(float64)
	return n
}

func child(o object, keys ...string) object {
	for _, key := range keys {
		o, _ = o[key].(object)
	}
	return o
}

// list is v as a list; a single value is a list of one, as in IAM's documents.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// objects is the objects of a list.
func objects(v any) []object {
	var out []object
	for _, part := range list(v) {
		if o, ok := part.(object); ok {
			out = append(out, o)
		}
	}
	return out
}

// texts is the strings of a list, sorted.
func texts(v any) []string {
	var out []string
	for _, part := range list(v) {
		if s, ok := part.(string); ok {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }

// flat is v as JSON, to search in.
func flat(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return err.Error() // v was JSON
	}
	return string(out)
}
