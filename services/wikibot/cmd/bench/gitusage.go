package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usage reads the processor time from the process's own clock, which is exact to
// the nanosecond where /proc counts hundredths of a second
// (clock_getcpuclockid(3) says how such clocks are named).
func (h *house) usage(context.Context) (usage, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^h.cmd.Process.Pid<<3|2), &t); err != nil {
		return usage{}, fmt.Errorf("read the server's processor time: %w", err)
	}
	peak, err := statusBytes(h.cmd.Process.Pid, "VmHWM:")
	return usage{CPU: time.Duration(t.Nano()), Peak: peak}, err
}

// rest resets the peak to what is resident now.
func (h *house) rest(context.Context) (err error) {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", h.cmd.Process.Pid), []byte("5"), 0); err != nil {
		return err
	}
	h.resting, err = statusBytes(h.cmd.Process.Pid, "VmHWM:")
	return err
}

// peak is what each of the operations has added.
func (h *house) peak(ctx context.Context, atOnce int) (int64, error) {
	u, err := h.usage(ctx)
	return max(0, u.Peak-h.resting) / int64(atOnce), err
}

// statusBytes reads a size of a process (proc_pid_status(5)).
func statusBytes(pid int, name string) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			var kib int64
			_, err := fmt.Sscan(rest, &kib)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no %s", pid, name)
}
