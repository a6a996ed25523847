package runtimeapi

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// instance is one process and its Runtime API endpoint. It handles one
// invocation at a time.
type instance struct {
	f      *Function
	temp   string
	server *http.Server
	work   chan *invocation // at most one, for the process to pick up
	exited chan struct{}    // closed when the process is gone
	status string           // how it went; readable after exited

	// Guarded by f.mu.
	ended bool
	stale bool // to end when idle

	mu          sync.Mutex
	process     *os.Process // nil before it is started
	began       time.Time
	current     *invocation // picked up, and not yet followed by a request for the next
	initError   *FunctionError
	init        time.Duration
	first       time.Duration
	cpu         time.Duration
	memory      int64 // bytes, at most so far
	scratch     int64 // bytes in its TMPDIR when it had ended
	invocations int
}

// start starts the process. It is gone when exited is closed.
func (i *instance) start() error {
	if err := os.MkdirAll(i.tmpdir(), 0o700); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	i.server = &http.Server{Handler: i.api(), ReadHeaderTimeout: 10 * time.Second}
	c := i.f.cfg
	cmd := exec.Command(c.Command[0], c.Command[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = i.environment(listener.Addr().String())
	cmd.Stdout, cmd.Stderr = i.f.out, i.f.out
	// A group of its own, so that what a launcher starts ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A grandchild may hold the output open; nobody waits for it.
	cmd.WaitDelay = time.Second
	i.mu.Lock()
	i.began = time.Now()
	if err = cmd.Start(); err == nil {
		i.process = cmd.Process
	}
	i.mu.Unlock()
	if err != nil {
		listener.Close()
		return err
	}
	i.f.wg.Add(2)
	go func() {
		defer i.f.wg.Done()
		i.server.Serve(listener)
	}()
	go func() {
		defer i.f.wg.Done()
		i.status = "exit status 0"
		if err := cmd.Wait(); err != nil {
			i.status = err.Error()
		}
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind
		i.mu.Lock()
		i.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		i.scratch = size(i.tmpdir())
		i.mu.Unlock()
		i.server.Close()
		i.f.ended(i)
		os.RemoveAll(i.temp)
		close(i.exited)
	}()
	return nil
}

// environment is what a sandbox of provided.al2023 has: the function's own
// variables and Lambda's (lambda/latest/dg/configuration-envvars.html). There is
// no HOME.
func (i *instance) environment(api string) []string {
	c := i.f.cfg
	env := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1",
	}
	env = append(env, c.Env...)
	return append(env,
		"TMPDIR="+i.tmpdir(),
		"_HANDLER=bootstrap",
		"LAMBDA_TASK_ROOT="+c.Dir,
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_FUNCTION_NAME="+c.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE="+strconv.Itoa(c.Memory),
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/"+c.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME="+filepath.Base(i.temp),
		"AWS_LAMBDA_RUNTIME_API="+api,
	)
}

func (i *instance) tmpdir() string { return filepath.Join(i.temp, "tmp") }

// kill ends the process and all that it started, frozen or not. It may be called
// at any time.
func (i *instance) kill() { i.signal(syscall.SIGKILL) }

// freeze stops the process and all that it started until thaw, with whatever they
// had begun besides the invocation, as Lambda does between invocations.
func (i *instance) freeze() { i.signal(syscall.SIGSTOP) }

func (i *instance) thaw() { i.signal(syscall.SIGCONT) }

// signal reaches the process and all that it started, if it lives. Each is also
// an occasion to look how much memory it has had.
func (i *instance) signal(s syscall.Signal) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.process == nil {
		return
	}
	select {
	case <-i.exited: // its number may belong to somebody else by now
	default:
		i.memory = max(i.memory, peakMemory(i.process.Pid))
		syscall.Kill(-i.process.Pid, s)
	}
}

// run hands the process an invocation and watches over it until the process is
// idle again or gone.
func (i *instance) run(inv *invocation) {
	i.work <- inv
	timer := time.NewTimer(initTimeout)
	defer timer.Stop()
	select {
	case <-inv.picked:
	case <-i.exited:
		inv.fail(i.exitError(inv.id))
		return
	case <-timer.C:
		inv.fail(&FunctionError{"Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: init took longer than %s", inv.id, initTimeout)})
		i.kill()
		<-i.exited
		return
	}
	timer.Reset(time.Until(inv.deadline))
	select {
	case <-inv.returned:
		inv.unanswered(&FunctionError{"Runtime.InvalidResponse", fmt.Sprintf("RequestId: %s Error: the next invocation was asked for before this one was answered", inv.id)})
	case <-i.exited:
		inv.unanswered(i.exitError(inv.id))
	case <-timer.C:
		inv.fail(fmt.Errorf("%w: task %s of %s after %s", ErrTimeout, inv.id, i.f.cfg.Name, i.f.cfg.Timeout))
		i.kill()
		<-i.exited
	}
}

// exitError says why the process ended.
func (i *instance) exitError(id string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.initError != nil {
		return i.initError
	}
	return &FunctionError{"Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: runtime exited: %s", id, i.status)}
}

func (i *instance) describe() Instance {
	i.mu.Lock()
	defer i.mu.Unlock()
	d := Instance{InitDuration: i.init, FirstResponse: i.first, Invocations: i.invocations, CPU: i.cpu, Memory: i.memory, Scratch: i.scratch}
	if i.process != nil {
		d.PID = i.process.Pid
	}
	return d
}
