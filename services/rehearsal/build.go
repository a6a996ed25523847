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

// Binaries builds the functions for this machine, by the go command, each once.
// Several rehearsals may share it.
type Binaries struct {
	source, folder string

	mu    sync.Mutex // one build at a time: the go command uses the machine as it is
	built map[string]string
}

// NewBinaries returns the binaries of a repository. They are kept in folder, so
// that the next process builds only what changed.
func NewBinaries(source, folder string) *Binaries {
	return &Binaries{source: source, folder: folder, built: map[string]string{}}
}

// function returns the binary of a service's function.
func (b *Binaries) function(ctx context.Context, service string) (string, error) {
	// The deployment's flags but -trimpath, which would have the compiler do over
	// what it has done for the tests.
	return b.build(ctx, "./services/"+service+"/cmd/lambda", service, "-tags", "lambda.norpc", "-ldflags", "-s -w")
}

// launcher returns the program that starts others with slow files.
func (b *Binaries) launcher(ctx context.Context) (string, error) {
	return b.build(ctx, "./services/rehearsal/cmd/slowfiles", "slowfiles")
}

func (b *Binaries) build(ctx context.Context, pkg, name string, flags ...string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.built[name] != "" {
		return b.built[name], nil
	}
	if err := os.MkdirAll(b.folder, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of binaries: %w", err)
	}
	binary, err := filepath.Abs(filepath.Join(b.folder, name))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build"}, flags...), "-o", binary, pkg)...)
	cmd.Dir = b.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, said.Bytes())
	}
	b.built[name] = binary
	return binary, nil
}
