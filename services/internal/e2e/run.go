package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Params says which scripts are run on which fleet.
type Params struct {
	// Dirs are the folders whose scripts (*.txtar) are run, relative to the
	// test's: this package's "script" and the composition's own.
	Dirs []string
	// LeftOut names scripts that cannot apply to this fleet, each with the reason.
	LeftOut map[string]string
	// Start starts the fleet in a place. It is called by several scripts at once,
	// each with a place of its own.
	Start func(Place) (Fleet, error)
}

// Run runs the scripts as parallel subtests.
func Run(t *testing.T, p Params) {
	t.Helper()
	files, err := p.files()
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Abs(filepath.FromSlash("../../scripts")) // from a service's folder
	if err != nil {
		t.Fatal(err)
	}
	installGoGit(t)
	testscript.Run(t, testscript.Params{
		Files: files,
		Setup: func(env *testscript.Env) error {
			s := newScript(env, p.Start)
			env.Values[scriptKey{}] = s
			env.Defer(s.close)
			env.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(env.WorkDir, "gitconfig"))
			env.Setenv("GIT_TERMINAL_PROMPT", "0")
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("SCRIPTS", scripts) // the repository's
			return os.WriteFile(filepath.Join(env.WorkDir, "gitconfig"), []byte("[user]\n\tname = Script\n\temail = script@example.org\n[init]\n\tdefaultBranch = main\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"up":      command((*script).up),
			"down":    command((*script).down),
			"crash":   command((*script).crash),
			"http":    command((*script).http),
			"as":      command((*script).as),
			"signin":  command((*script).signin),
			"setjson": command((*script).setjson),
			"consent": command((*script).consent),
			"gogit":   command((*script).gogit),
		},
	})
}

// files lists the scripts to run. An empty folder, a script left out that is not
// there and one left out without a reason are mistakes: each would run less than
// its author believes.
func (p Params) files() ([]string, error) {
	left := maps.Clone(p.LeftOut)
	var files []string
	for _, dir := range p.Dirs {
		found, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("run the scripts in %s: there are none", dir)
		}
		for _, file := range found {
			name := filepath.Base(file)
			why, out := left[name]
			if out && why == "" {
				return nil, fmt.Errorf("leave out %s: say why", name)
			}
			if !out {
				files = append(files, file)
			}
			delete(left, name)
		}
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("leave out %q: there are no such scripts", slices.Sorted(maps.Keys(left)))
	}
	return files, nil
}
