package runtimeapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Config describes one function. Only Name and Command are needed.
type Config struct {
	Name string
	// Command is the binary and its arguments, perhaps behind a launcher.
	Command []string
	// Env is the function's environment as NAME=value. Nothing else is
	// inherited: what a sandbox has besides (PATH, TMPDIR, the AWS_LAMBDA_*
	// names) is added.
	Env []string
	// Dir is the working folder, an empty one where none is given.
	Dir string
	// Memory is what the function is told that it has, in MB; 128 if zero, as in
	// Lambda. Nothing holds it to that; see [Instance].
	Memory int
	// Freeze stops idle processes until their next invocation, as Lambda does.
	Freeze bool
	// Timeout bounds one invocation; 3 s if zero, as in Lambda.
	Timeout time.Duration
	// MaxConcurrency bounds the processes; 10 if zero.
	MaxConcurrency int
	// Output receives what the processes write to stdout and stderr.
	Output io.Writer
}

const (
	defaultTimeout     = 3 * time.Second
	defaultConcurrency = 10
	defaultMemory      = 128
	// initTimeout bounds the time from process start to the first request for
	// an invocation.
	initTimeout = 10 * time.Second
	// maxBuffered bounds a response that is read as a whole, and the payload of
	// an invocation.
	maxBuffered = 6 << 20
)

// ErrThrottled: as many invocations as the function may have are under way.
var ErrThrottled = errors.New("function is throttled: all its instances are busy")

// ErrTimeout: the invocation outlived its time and its process was killed.
var ErrTimeout = errors.New("function timed out and was killed")

// ErrClosed: the function was closed.
var ErrClosed = errors.New("function is closed")

// FunctionError is what a function reported about a failed invocation, or what
// is known about its end.
type FunctionError struct {
	// Type is the error's type as the function names it, or one of Lambda's
	// own, such as "Runtime.ExitError".
	Type    string
	Message string
}

func (e *FunctionError) Error() string { return "function failed: " + e.Type + ": " + e.Message }

// Instance describes a process that was started, alive or not.
type Instance struct {
	PID           int
	InitDuration  time.Duration // process start to its first request for an invocation; zero before
	FirstResponse time.Duration // process start to the end of its first response; zero before
	Invocations   int           // handed out
	CPU           time.Duration // that it used, in user and system mode; known when it has ended
	// Memory is the most that it had resident, in bytes, by when it was last
	// frozen or was ended here; 0 where the system does not tell.
	Memory int64
	// Scratch is how many bytes lay in its TMPDIR when it ended; 0 before.
	Scratch int64
	Alive   bool
}

// Function is a function and its processes. Its methods may be called from many
// goroutines.
type Function struct {
	cfg  Config
	temp string
	out  *output

	mu     sync.Mutex
	all    []*instance
	live   int         // started and not yet ended, or being started
	idle   []*instance // most recently used last
	closed bool
	wg     sync.WaitGroup // processes and the invocations under way
}

// New checks the configuration. No process is started before the first
// invocation.
func New(c Config) (*Function, error) {
	if c.Name == "" || len(c.Command) == 0 {
		return nil, errors.New("make function: it needs a name and a command")
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxConcurrency == 0 {
		c.MaxConcurrency = defaultConcurrency
	}
	if c.Memory == 0 {
		c.Memory = defaultMemory
	}
	if c.Output == nil {
		c.Output = io.Discard
	}
	temp, err := os.MkdirTemp("", "wikibot-function-")
	if err != nil {
		return nil, fmt.Errorf("make function %s: %w", c.Name, err)
	}
	if c.Dir == "" {
		c.Dir = filepath.Join(temp, "task")
		if err := os.Mkdir(c.Dir, 0o755); err != nil {
			return nil, fmt.Errorf("make function %s: %w", c.Name, err)
		}
	}
	return &Function{cfg: c, temp: temp, out: &output{w: c.Output}}, nil
}

// Name is the function's name.
func (f *Function) Name() string { return f.cfg.Name }

// Invoke hands the payload to the function and returns its whole response, of
// 6 MB at most. Errors: *[FunctionError], [ErrTimeout], [ErrThrottled],
// [ErrClosed], and ctx's when the caller gave up; the function then goes on
// unobserved, as it does in Lambda.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	inv, err := f.begin(payload)
	if err != nil {
		return nil, err
	}
	var body []byte
	var readErr error
	if res := inv.await(ctx); res != nil {
		stop := context.AfterFunc(ctx, func() { res.body.CloseWithError(ctx.Err()) })
		body, readErr = io.ReadAll(io.LimitReader(res.body, maxBuffered+1))
		stop()
		res.body.Close() // lets a function that is still writing go on
	}
	select {
	case <-inv.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch {
	case inv.err != nil:
		return nil, inv.err
	case readErr != nil:
		return nil, readErr
	case len(body) > maxBuffered:
		return nil, &FunctionError{"Function.ResponseSizeTooLarge", "the response is larger than 6 MB"}
	}
	return body, nil
}

// begin hands an invocation to an idle process or a new one.
func (f *Function) begin(payload []byte) (*invocation, error) {
	inst, err := f.take()
	if err != nil {
		return nil, err
	}
	inv := newInvocation(payload)
	go func() {
		defer f.wg.Done()
		inst.run(inv)
		f.giveBack(inst)
		close(inv.done)
	}()
	return inv, nil
}

// take reserves a process. Its caller owes a giveBack and a wg.Done.
func (f *Function) take() (*instance, error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, ErrClosed
	}
	if n := len(f.idle); n > 0 {
		inst := f.idle[n-1]
		f.idle = f.idle[:n-1]
		if f.cfg.Freeze {
			inst.thaw()
		}
		f.wg.Add(1)
		f.mu.Unlock()
		return inst, nil
	}
	if f.live >= f.cfg.MaxConcurrency {
		f.mu.Unlock()
		return nil, ErrThrottled
	}
	f.live++
	serial := len(f.all)
	inst := &instance{f: f, temp: filepath.Join(f.temp, strconv.Itoa(serial)), work: make(chan *invocation, 1), exited: make(chan struct{})}
	f.all = append(f.all, inst)
	f.wg.Add(1)
	f.mu.Unlock()

	if err := inst.start(); err != nil {
		close(inst.exited)
		f.ended(inst)
		f.wg.Done()
		return nil, fmt.Errorf("start function %s: %w", f.cfg.Name, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		inst.kill() // Close could not know its number yet
	}
	return inst, nil
}

// giveBack makes a process idle again, unless it ended or is to end.
func (f *Function) giveBack(inst *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case inst.ended:
	case inst.stale || f.closed:
		inst.kill()
	default:
		if f.cfg.Freeze {
			inst.freeze()
		}
		f.idle = append(f.idle, inst)
	}
}

// ended notes that a process is gone.
func (f *Function) ended(inst *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	inst.ended = true
	f.live--
	f.idle = slices.DeleteFunc(f.idle, func(i *instance) bool { return i == inst })
}

// Instances describes all processes that were started so far, oldest first.
func (f *Function) Instances() []Instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]Instance, len(f.all))
	for i, inst := range f.all {
		list[i] = inst.describe()
		list[i].Alive = !inst.ended
	}
	return list
}

// Reset ends the idle processes, and the busy ones after their invocation, so
// that what is invoked next starts cold. It returns when the idle ones are gone.
func (f *Function) Reset() {
	f.mu.Lock()
	idle := f.idle
	f.idle = nil
	for _, inst := range f.all {
		inst.stale = true
	}
	f.mu.Unlock()
	for _, inst := range idle {
		inst.kill()
		<-inst.exited
	}
}

// Close ends all processes at once, whatever they are doing, and removes their
// folders.
func (f *Function) Close() error {
	f.mu.Lock()
	f.closed = true
	all := slices.Clone(f.all)
	f.mu.Unlock()
	for _, inst := range all {
		inst.kill()
	}
	f.wg.Wait()
	return os.RemoveAll(f.temp)
}

// output keeps the lines of several processes apart as far as they are written
// at once.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}

// requestID returns a random UUID (RFC 9562 section 5.4).
func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// traceID returns a trace header of AWS X-Ray, not sampled.
func traceID() string {
	var b [20]byte
	rand.Read(b[:])
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", time.Now().Unix(), b[:12], b[12:])
}
