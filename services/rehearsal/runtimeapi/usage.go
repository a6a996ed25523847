package runtimeapi

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// peakMemory is the most memory that a living process has had resident, in bytes;
// 0 where the system does not tell. What the kernel reports of a process that has
// ended will not do: it includes what its parent had when it was forked.
func peakMemory(pid int) int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status") // proc_pid_status(5)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10
		}
	}
	return 0
}

// size is how many bytes the files in a folder have. What cannot be looked at is
// left out: it was removed meanwhile.
func size(folder string) (sum int64) {
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if st, err := d.Info(); err == nil {
			sum += st.Size()
		}
		return nil
	})
	return sum
}
