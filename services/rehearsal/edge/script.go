package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dop251/goja"
)

// patience is how long edge code may run. CloudFront stops a function after
// about a millisecond of its own time; an interpreter on a busy machine needs
// more, and what is looked for here is an endless loop.
const patience = 2 * time.Second

// script is a piece of edge code with one entry, run by as many interpreters as
// there are requests at once. Interpreters are reused, as sandboxes are, so what
// code keeps in globals may be seen by another request, as there.
type script struct {
	name    string
	program *goja.Program
	entry   string // an expression that gives the handler
	idle    sync.Pool
}

type interpreter struct {
	runtime *goja.Runtime
	handler goja.Callable
	parse   goja.Callable // JSON.parse
	print   goja.Callable // JSON.stringify
}

// compile prepares code whose handler is what the expression entry gives.
func compile(name, code, entry string) (*script, error) {
	program, err := goja.Compile(name, code, false)
	if err != nil {
		return nil, fmt.Errorf("edge code %s: %w", name, err)
	}
	s := &script{name: name, program: program, entry: entry}
	first, err := s.start()
	if err != nil {
		return nil, err
	}
	s.idle.Put(first)
	return s, nil
}

func (s *script) start() (*interpreter, error) {
	rt := goja.New()
	silent := func(goja.FunctionCall) goja.Value { return goja.Undefined() }
	console := rt.NewObject()
	for _, level := range []string{"log", "info", "warn", "error"} {
		if err := console.Set(level, silent); err != nil {
			return nil, err
		}
	}
	module := rt.NewObject()
	exports := rt.NewObject()
	if err := errors.Join(module.Set("exports", exports), rt.Set("module", module), rt.Set("exports", exports), rt.Set("console", console)); err != nil {
		return nil, err
	}
	if _, err := rt.RunProgram(s.program); err != nil {
		return nil, fmt.Errorf("edge code %s: %w", s.name, err)
	}
	at := &interpreter{runtime: rt}
	for expression, into := range map[string]*goja.Callable{s.entry: &at.handler, "JSON.parse": &at.parse, "JSON.stringify": &at.print} {
		v, err := rt.RunString(expression)
		if err != nil {
			return nil, fmt.Errorf("edge code %s: %w", s.name, err)
		}
		var ok bool
		if *into, ok = goja.AssertFunction(v); !ok {
			return nil, fmt.Errorf("edge code %s: %s is not a function", s.name, expression)
		}
	}
	return at, nil
}

// run calls the handler with the event and reads what it returns, or what the
// promise it returns is settled with, into out.
func (s *script) run(event, out any) error {
	in, err := json.Marshal(event)
	if err != nil {
		return err
	}
	at, _ := s.idle.Get().(*interpreter)
	if at == nil {
		if at, err = s.start(); err != nil {
			return err
		}
	}
	stop := time.AfterFunc(patience, func() { at.runtime.Interrupt("it ran too long") })
	result, err := at.call(string(in))
	if !stop.Stop() || err != nil {
		// An interrupted interpreter is in no state to go on with.
		return fmt.Errorf("edge code %s: %w", s.name, errors.Join(err, errors.New("it failed")))
	}
	s.idle.Put(at)
	if err := json.Unmarshal([]byte(result), out); err != nil {
		return fmt.Errorf("edge code %s returned %.200q: %w", s.name, result, err)
	}
	return nil
}

func (at *interpreter) call(in string) (string, error) {
	event, err := at.parse(goja.Undefined(), at.runtime.ToValue(in))
	if err != nil {
		return "", err
	}
	result, err := at.handler(goja.Undefined(), event)
	if err != nil {
		return "", err
	}
	if promise, ok := result.Export().(*goja.Promise); ok {
		switch promise.State() {
		case goja.PromiseStateFulfilled:
			result = promise.Result()
		case goja.PromiseStateRejected:
			return "", fmt.Errorf("it was rejected: %v", promise.Result())
		default:
			return "", errors.New("its promise is never settled")
		}
	}
	text, err := at.print(goja.Undefined(), result)
	if err != nil {
		return "", err
	}
	return text.String(), nil
}
