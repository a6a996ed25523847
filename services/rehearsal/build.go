package rehearsal

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// building lets one build run at a time in this process: the go command would
// only wait for itself, with the machine full of linkers.
var building sync.Mutex

// build makes a service's function for this machine and returns the binary. The
// go command sees by itself whether anything changed.
func build(ctx context.Context, o Options, service string) (string, error) {
	building.Lock()
	defer building.Unlock()
	if err := os.MkdirAll(o.Cache, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of binaries: %w", err)
	}
	binary, err := filepath.Abs(filepath.Join(o.Cache, service))
	if err != nil {
		return "", err
	}
	// The deployment's flags but -trimpath, which would have the compiler do over
	// what it has done for the tests.
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary, "./services/"+service+"/cmd/lambda")
	cmd.Dir = o.Source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", service, err, said.Bytes())
	}
	return binary, nil
}

// buildLauncher makes the launcher of slow files.
func buildLauncher(o Options) (string, error) {
	building.Lock()
	defer building.Unlock()
	launcher, err := filepath.Abs(filepath.Join(o.Cache, "slowfiles"))
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", launcher, "./services/rehearsal/cmd/slowfiles")
	cmd.Dir = o.Source
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the launcher of slow files: %w\n%s", err, out)
	}
	return launcher, nil
}
