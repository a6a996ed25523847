package template

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// stack is one template as it is written.
type stack struct {
	name       string
	Parameters map[string]parameter
	Mappings   map[string]map[string]map[string]any
	Conditions map[string]any
	Resources  map[string]declared
	Outputs    map[string]output
}

type parameter struct {
	Type    string
	Default any
}

type declared struct {
	Type       string
	Condition  string
	DependsOn  any
	Properties map[string]any
}

type output struct {
	Value     any
	Condition string
	Export    *struct{ Name any }
}

// loader resolves the stacks of one deployment. Everything is kept once
// resolved; what is being resolved is marked, so that a circle is found.
type loader struct {
	Options
	stacks    []*stack
	exports   map[string]func() (any, error)
	clashes   []error
	resources map[string]*resolved
	deciding  map[string]bool // conditions that are being resolved
}

type resolved struct {
	Resource
	called []string          // all that Find finds it by
	attrs  map[string]string // the attributes that its kind has
	busy   bool
	err    error
}

func newLoader(o Options) *loader {
	return &loader{Options: o, resources: map[string]*resolved{}, deciding: map[string]bool{}}
}

func (l *loader) add(s *stack) { l.stacks = append(l.stacks, s) }

// present reports whether the resource is created at all.
func (l *loader) present(s *stack, id string) (bool, error) {
	r := s.Resources[id]
	if r.Condition == "" {
		return true, nil
	}
	return l.condition(scope{l: l, stack: s, path: s.name + "." + id + ".Condition"}, r.Condition)
}

// resource resolves one resource, once.
func (l *loader) resource(s *stack, id string) (*resolved, error) {
	key := s.name + "/" + id
	if r, ok := l.resources[key]; ok {
		if r.busy {
			return nil, fmt.Errorf("%s.%s: its properties lead back to itself", s.name, id)
		}
		return r, r.err
	}
	d := s.Resources[id]
	r := &resolved{Resource: Resource{Stack: s.name, LogicalID: id, Type: d.Type}, busy: true}
	l.resources[key] = r
	r.err = l.fill(s, d, r)
	r.busy = false
	return r, r.err
}

func (l *loader) fill(s *stack, d declared, r *resolved) error {
	if err := knownDependencies(s, d); err != nil {
		return fmt.Errorf("%s.%s.DependsOn: %w", s.name, r.LogicalID, err)
	}
	at := scope{l: l, stack: s, path: s.name + "." + r.LogicalID + ".Properties"}
	r.Properties = map[string]any{}
	var problems []error
	for _, name := range sortedKeys(d.Properties) {
		v, err := at.below(name).value(d.Properties[name])
		if err == nil {
			v, err = at.below(name).secrets(v)
		}
		if errors.Is(err, errNoValue) {
			continue
		}
		problems = append(problems, err)
		r.Properties[name] = v
	}
	if err := errors.Join(distinct(problems)...); err != nil {
		return err
	}
	if l.Physical != nil {
		r.name = l.Physical(r.Resource)
	}
	l.identify(r)
	return nil
}

func knownDependencies(s *stack, d declared) error {
	var ids []any
	switch on := d.DependsOn.(type) {
	case nil:
	case []any:
		ids = on
	default:
		ids = []any{on}
	}
	for _, id := range ids {
		name, _ := id.(string)
		if _, ok := s.Resources[name]; !ok {
			return fmt.Errorf("there is no resource %v", id)
		}
	}
	return nil
}

func (l *loader) output(s *stack, name string) (any, error) {
	o := s.Outputs[name]
	at := scope{l: l, stack: s, path: s.name + ".Outputs." + name}
	if o.Condition != "" {
		if ok, err := l.condition(at, o.Condition); err != nil || !ok {
			return nil, err
		}
	}
	return at.value(o.Value)
}

// imported finds an export of any stack by its name.
func (l *loader) imported(name string) (any, error) {
	if l.exports == nil {
		l.indexExports()
	}
	if err := errors.Join(l.clashes...); err != nil {
		return nil, err
	}
	value, ok := l.exports[name]
	if !ok {
		return nil, fmt.Errorf("no stack exports %q", name)
	}
	return value()
}

func (l *loader) indexExports() {
	l.exports = map[string]func() (any, error){}
	for _, s := range l.stacks {
		for _, id := range sortedKeys(s.Outputs) {
			o := s.Outputs[id]
			if o.Export == nil {
				continue
			}
			at := scope{l: l, stack: s, path: s.name + ".Outputs." + id + ".Export.Name"}
			name, err := at.text(o.Export.Name)
			if err != nil {
				l.clashes = append(l.clashes, err)
				continue
			}
			if _, taken := l.exports[name]; taken {
				l.clashes = append(l.clashes, fmt.Errorf("%s: %q is exported twice", at.path, name))
			}
			l.exports[name] = func() (any, error) { return l.output(s, id) }
		}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
