package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"time"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
	"wikibot.io/services/rehearsal/chaos"
	"wikibot.io/services/rehearsal/endpoint"
	"wikibot.io/services/rehearsal/template"
)

// URL is the root host's, without a slash at the end.
func (r *Rehearsal) URL() string { return r.url }

// Data is the folder in which the functions' file systems lie.
func (r *Rehearsal) Data() string { return r.data }

// Function returns the function of a service, or nil if the templates have none.
func (r *Rehearsal) Function(s routes.Service) *Function { return r.functions[string(s)] }

// Functions returns all functions, by service.
func (r *Rehearsal) Functions() []*Function {
	var all []*Function
	for _, service := range slices.Sorted(maps.Keys(r.functions)) {
		all = append(all, r.functions[service])
	}
	return all
}

// Weather is how AWS fares.
type Weather struct {
	DynamoDB chaos.Rates
	Events   eventbridgetest.Chaos // of the buses
	Others   chaos.Rates           // of SQS and Secrets Manager
	// Parameters is of Parameter Store.
	Parameters chaos.Rates
	Files      float64 // share of file operations that fail; needs a FileDelay or CountFiles
}

// Storm is bad weather of every kind, of which the fleet is to lose nothing.
var Storm = Weather{
	DynamoDB: chaos.Rates{Throttle: 0.06, Fail: 0.05, Conflict: 0.04, Lose: 0.05, Delay: 10 * time.Millisecond},
	Events:   eventbridgetest.Chaos{Refuse: 0.1, Forget: 0.1, RefuseEntry: 0.1, Unreachable: 0.2, Duplicate: 0.3, Delay: 300 * time.Millisecond},
	Others:   chaos.Rates{Throttle: 0.1, Fail: 0.1, Lose: 0.1},

	Parameters: chaos.Rates{Throttle: 0.1, Fail: 0.1, Lose: 0.1},
}

// SetWeather changes how AWS fares from the next call on. The zero value is fair.
func (r *Rehearsal) SetWeather(w Weather) error {
	for name, d := range r.dice {
		switch name {
		case "DYNAMODB":
			d.Set(w.DynamoDB)
		case "SSM":
			d.Set(w.Parameters)
		case "EVENTBRIDGE": // the buses fail by themselves
		default:
			d.Set(w.Others)
		}
	}
	w.Events.Seed += r.opts.Seed
	for _, b := range r.buses {
		b.SetChaos(w.Events)
	}
	var errs []error
	for _, f := range r.functions {
		if f.files != nil {
			errs = append(errs, f.files.SetFailureRate(w.Files))
		}
	}
	return errors.Join(errs...)
}

// Operator is a caller that may do anything, as the one who deploys may.
const Operator = "operator"

// Environment is what a program needs to call AWS as a function of the fleet
// does, by its service's name, or as [Operator].
func (r *Rehearsal) Environment(caller string) []string {
	env := []string{"AWS_REGION=" + region, "AWS_SECRET_ACCESS_KEY=rehearsal", "AWS_ACCESS_KEY_ID=" + operatorKey}
	if f := r.functions[caller]; f != nil {
		env[len(env)-1] = "AWS_ACCESS_KEY_ID=" + f.key
	}
	for name, url := range r.access.endpoints {
		env = append(env, name+"="+url)
	}
	return env
}

// Queue returns the URL of a queue, by its name.
func (r *Rehearsal) Queue(name string) string {
	if q := r.queues.Queue(name); q != nil {
		return q.URL()
	}
	return ""
}

// SetFileDelay changes what each operation on the functions' file system costs;
// it needs a FileDelay or CountFiles.
func (r *Rehearsal) SetFileDelay(d time.Duration) {
	for _, f := range r.functions {
		if f.files != nil {
			f.files.SetDelay(d)
		}
	}
}

// Meter counts the functions' calls to AWS.
func (r *Rehearsal) Meter() *endpoint.Meter { return r.meter }

// Notes are what the rehearsal cannot follow the templates in.
func (r *Rehearsal) Notes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.notes)
}

// Bus returns the bus of that name, nil if there is none.
func (r *Rehearsal) Bus(name string) *eventbridgetest.Bus { return r.buses[name] }

// Buses returns the names of the buses that the templates make.
func (r *Rehearsal) Buses() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.buses)), func(name string) bool { return name == defaultBus })
}

// DeadLetters returns what lies in queues, by queue; empty ones are left out.
func (r *Rehearsal) DeadLetters() map[string][]eventbridgetest.Message {
	letters := map[string][]eventbridgetest.Message{}
	for _, res := range r.deployment.Resources("AWS::SQS::Queue") {
		if messages := r.queues.Queue(res.Name()).Messages(); len(messages) > 0 {
			letters[res.Name()] = messages
		}
	}
	return letters
}

// Settle waits until everything that was written before has been delivered to
// all who are to know of it, or was given up.
func (r *Rehearsal) Settle(ctx context.Context) error {
	// Twice, since what is delivered may cause events of its own.
	for range 2 {
		for _, p := range r.pollers {
			if err := p.Drain(ctx); err != nil {
				return err
			}
		}
		for name, b := range r.buses {
			if err := b.Wait(ctx); err != nil {
				return fmt.Errorf("wait for bus %s: %w", name, err)
			}
		}
		for service, a := range r.asyncs {
			if err := a.Wait(ctx); err != nil {
				return fmt.Errorf("wait for events of %s: %w", service, err)
			}
		}
	}
	return nil
}

// Reset ends all sandboxes once they are idle: what comes next starts cold.
func (r *Rehearsal) Reset() {
	for _, f := range r.functions {
		f.Reset()
	}
}

// Kill ends every process of the functions in the middle of what it does, as a
// failing host would, and returns how many there were, when they are gone. AWS
// goes on.
func (r *Rehearsal) Kill() int {
	killed := map[int]bool{}
	for _, f := range r.functions {
		for _, i := range f.Instances() {
			if i.Alive && i.PID > 0 && syscall.Kill(i.PID, syscall.SIGKILL) == nil {
				killed[i.PID] = true
			}
		}
	}
	for r.alive(killed) {
		time.Sleep(time.Millisecond)
	}
	return len(killed)
}

// alive reports whether one of the processes has not been waited for yet.
func (r *Rehearsal) alive(pids map[int]bool) bool {
	for _, f := range r.functions {
		for _, i := range f.Instances() {
			if i.Alive && pids[i.PID] {
				return true
			}
		}
	}
	return false
}

// Deployment is what the templates say.
func (r *Rehearsal) Deployment() *template.Deployment { return r.deployment }
