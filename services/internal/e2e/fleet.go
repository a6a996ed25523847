package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// Fleet is a fleet that serves.
type Fleet interface {
	// URL is the root host's, without a slash at the end. Every .localhost name
	// is taken to be this machine.
	URL() string
	// Stop ends it as an operator would: what is under way is finished, and a
	// fleet that cannot end in good order says so.
	Stop() error
}

// Crasher is a Fleet that can be killed in the middle of what it does. What it
// acknowledged must be there when it is started in the same place again.
type Crasher interface {
	Fleet
	Crash() error
}

// Place is where a fleet is started.
type Place struct {
	// Dir is the script's own folder: whatever the fleet keeps lies below it,
	// and is found there again at the next start.
	Dir string
	// Env is the environment for processes that it starts.
	Env []string
	// URL is "" at the first start. Later it is where the fleet was before, and
	// must be again: addresses were handed out.
	URL string
}

// greeting is what a command that serves a fleet prints first, followed by the
// URL of its root host.
const greeting = "wikibot serves at "

// Process is a fleet in a process of its own.
type Process struct {
	cmd *exec.Cmd
	url string
	log *tail
}

// StartProcess starts a command that serves a fleet and waits for the line that
// says where. What the process writes to standard error is shown when something
// goes wrong.
func StartProcess(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, log: &tail{}}
	cmd.Stderr = p.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the fleet: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, greeting) {
		err = fmt.Errorf("it says %q, not where it serves", line)
	}
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return nil, fmt.Errorf("the fleet did not start: %w\n%s", err, p.log)
	}
	p.url = strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(line, greeting)), "/")
	return p, nil
}

// URL is the root host's.
func (p *Process) URL() string { return p.url }

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log returns the end of what the process wrote to standard error.
func (p *Process) Log() string { return p.log.String() }

// Stop interrupts the process and waits for its end.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("stop the fleet: %w", err)
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("the fleet did not stop in good order: %w\n%s", err, p.log)
	}
	return nil
}

// Crash kills the process.
func (p *Process) Crash() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill the fleet: %w", err)
	}
	p.cmd.Wait() // says that it was killed
	return nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailSize = 64 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.buf.Len() > tailSize {
		t.buf.Next(t.buf.Len() - tailSize/2)
	}
	return t.buf.Write(b)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
