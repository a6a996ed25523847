package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options say where the deployment is and what its resources are called.
type Options struct {
	Region  string // of every stack; default us-east-1
	Account string // twelve digits; default 000000000000

	// Physical names a resource: a table's name, a function's, a queue's, a
	// file system's id. Ref and the attributes are made from it, as the
	// resource's type has it: the Ref of a queue is an address that ends in its
	// name. "" leaves the name to the default: the name that the template gives,
	// else "stack-logicalid", else an id in the form of the type. The resource's
	// properties are resolved.
	Physical func(Resource) string

	// Attribute gives what Fn::GetAtt is to answer. nil without an error leaves
	// it to the default, which knows the attributes that follow from the name.
	Attribute func(r Resource, name string) (any, error)

	// Secret gives the value behind a dynamic reference to Secrets Manager. name
	// is what the reference says, which is the secret's ARN where the template
	// wrote a Ref; key is "" for the whole value. Without it any such reference
	// is an error.
	Secret func(name, key string) (string, error)
}

// Resource is one resource of one stack.
type Resource struct {
	Stack, LogicalID, Type string
	Properties             map[string]any // resolved; values as encoding/json decodes them

	name, ref, arn string
}

// Name returns the physical name, as Options.Physical describes it.
func (r Resource) Name() string { return r.name }

// Ref returns what {"Ref": …} of the resource gives.
func (r Resource) Ref() string { return r.ref }

// ARN returns the resource's ARN, or "" if its type has none that is known here.
func (r Resource) ARN() string { return r.arn }

// Path names the resource in messages: "Stack/LogicalID".
func (r Resource) Path() string { return r.Stack + "/" + r.LogicalID }

// Decode reads the properties into v, by its json tags. Properties that v does
// not have are left out, as are differences of case.
func (r Resource) Decode(v any) error {
	b, err := json.Marshal(r.Properties)
	if err != nil {
		return fmt.Errorf("decode %s: %w", r.Path(), err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode %s (%s): %w", r.Path(), r.Type, err)
	}
	return nil
}

// Deployment is what a folder of templates describes. It is never changed after
// Load and may be used by many goroutines.
type Deployment struct {
	resources []Resource
	known     map[string]int // what a resource is called by, to its place above; -1: more than one
	outputs   map[string]map[string]any
}

// Load reads and resolves every *.template.json of a folder. All problems are
// reported at once.
func Load(dir string, o Options) (*Deployment, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return nil, fmt.Errorf("list templates in %s: %w", dir, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("list templates in %s: there are none", dir)
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Account == "" {
		o.Account = "000000000000"
	}
	l := newLoader(o)
	for _, file := range files {
		if err := l.read(file); err != nil {
			return nil, err
		}
	}
	return l.deployment()
}

const suffix = ".template.json"

func (l *loader) read(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read template: %w", err)
	}
	var s stack
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("read template %s: %w", filepath.Base(file), err)
	}
	s.name = strings.TrimSuffix(filepath.Base(file), suffix)
	l.add(&s)
	return nil
}

// Resources returns the resources of a type ("AWS::Lambda::Function"), or all of
// them for "", in the order of stacks and logical ids.
func (d *Deployment) Resources(typ string) []Resource {
	var of []Resource
	for _, r := range d.resources {
		if typ == "" || r.Type == typ {
			of = append(of, r)
		}
	}
	return of
}

// Find returns the resource that is called by an ARN, a Ref, a physical name or
// an address. An ARN of something within a resource (a bucket's keys, a table's
// index, a function's alias) finds the resource. A name that two resources share
// finds neither.
func (d *Deployment) Find(ref string) (Resource, bool) {
	for {
		if at, ok := d.known[ref]; ok {
			if at < 0 {
				return Resource{}, false
			}
			return d.resources[at], true
		}
		cut := strings.LastIndexAny(ref, "/:")
		if cut < 0 || !strings.HasPrefix(ref, "arn:") {
			return Resource{}, false
		}
		ref = ref[:cut]
	}
}

// Output returns the value of a stack's output.
func (d *Deployment) Output(stack, name string) (any, bool) {
	v, ok := d.outputs[stack][name]
	return v, ok
}

func (l *loader) deployment() (*Deployment, error) {
	d := &Deployment{known: map[string]int{}, outputs: map[string]map[string]any{}}
	var problems []error
	for _, s := range l.stacks {
		d.outputs[s.name] = map[string]any{}
		for _, id := range sortedKeys(s.Resources) {
			if ok, err := l.present(s, id); err != nil || !ok {
				problems = append(problems, err)
				continue
			}
			r, err := l.resource(s, id)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			d.learn(len(d.resources), r.called)
			d.resources = append(d.resources, r.Resource)
		}
		for _, name := range sortedKeys(s.Outputs) {
			v, err := l.output(s, name)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			d.outputs[s.name][name] = v
		}
	}
	if err := errors.Join(distinct(problems)...); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Deployment) learn(at int, names []string) {
	for _, name := range names {
		if name == "" {
			continue
		}
		if was, ok := d.known[name]; ok && was != at {
			d.known[name] = -1
			continue
		}
		d.known[name] = at
	}
}

// distinct leaves out repeated messages: one resource's problem is met again by
// all that refer to it.
func distinct(errs []error) []error {
	seen := map[string]bool{}
	return slices.DeleteFunc(errs, func(err error) bool {
		if err == nil || seen[err.Error()] {
			return true
		}
		seen[err.Error()] = true
		return false
	})
}
