package rehearsal

import (
	"errors"
	"fmt"
)

// Used is the most that one process of the function took, in bytes: of memory,
// which is known when it was frozen or ended, and of its temporary folder, which
// is known of processes that have ended.
func (f *Function) Used() (memory, scratch int64) {
	for _, i := range f.Instances() {
		memory, scratch = max(memory, i.Memory), max(scratch, i.Scratch)
	}
	return memory, scratch
}

// Overrun tells if a process of the function took more than the template gives
// it. On AWS it would have been killed, or its disk would have been full.
func (f *Function) Overrun() error {
	const mb = 1 << 20
	var errs []error
	memory, scratch := f.Used()
	if memory > int64(f.Memory)*mb {
		errs = append(errs, fmt.Errorf("%s took %d MB of memory and has %d", f.Service, memory/mb, f.Memory))
	}
	if scratch > int64(f.Scratch)*mb {
		errs = append(errs, fmt.Errorf("%s left %d MB in its temporary folder and has %d", f.Service, scratch/mb, f.Scratch))
	}
	return errors.Join(errs...)
}

// Overruns tells of every function that took more than it is given. All is known
// after Close.
func (r *Rehearsal) Overruns() error {
	var errs []error
	for _, f := range r.Functions() {
		errs = append(errs, f.Overrun())
	}
	return errors.Join(errs...)
}
