package rehearsal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wikibot.io/services/rehearsal/endpoint"
	"wikibot.io/services/rehearsal/iam"
	"wikibot.io/services/rehearsal/runtimeapi"
	"wikibot.io/services/rehearsal/slowfiles"
	"wikibot.io/services/rehearsal/template"
)

// Function is one function of the fleet at work.
type Function struct {
	*runtimeapi.Function
	Service string
	Memory  int // MB, as the template says; the process is not held to it
	Timeout time.Duration
	// MayWrite: its role may write to the file system that it mounts. The folder
	// that stands for that lets everybody write; [Rehearsal.Notes] says so.
	MayWrite bool

	resource template.Resource
	role     string // ARN
	key      string // access key id
	files    *slowfiles.Supervisor
}

// declaredFunction is AWS::Lambda::Function, as far as it is followed.
type declaredFunction struct {
	Role              string
	Timeout           int
	MemorySize        int
	Architectures     []string
	Runtime, Handler  string
	Environment       struct{ Variables map[string]string }
	FileSystemConfigs []struct{ Arn, LocalMountPath string }
	VpcConfig         any
	// ReservedConcurrentExecutions nil: as many as the account has.
	ReservedConcurrentExecutions *int
}

// unreserved is how many processes a function without a reservation may have.
// An account has a thousand; this machine has not.
const unreserved = 16

// serviceVariable names the service whose binary a function runs. A function
// without it is none of the fleet's: code at the edge is run by package edge.
const serviceVariable = "WIKIBOT_SERVICE"

// access is what a function's environment is completed with.
type access struct {
	baseURL   string
	edgeKeys  string
	region    string
	endpoints map[string]string // variable → URL
}

// startFunction builds the binary and readies the function. No process runs
// before something invokes it.
func (r *Rehearsal) startFunction(ctx context.Context, res template.Resource, policies map[string]iam.Policy) (*Function, error) {
	var d declaredFunction
	if err := res.Decode(&d); err != nil {
		return nil, err
	}
	service := d.Environment.Variables[serviceVariable]
	f := &Function{
		Service: service, Memory: d.MemorySize, Timeout: time.Duration(d.Timeout) * time.Second,
		resource: res, role: d.Role, key: accessKey(res.ARN()),
	}
	if d.Runtime != "provided.al2023" || !slices.Equal(d.Architectures, []string{"arm64"}) || d.Handler != "bootstrap" {
		return nil, fmt.Errorf("runs %q %v with handler %q; want provided.al2023 on arm64 with bootstrap, which is what is built", d.Runtime, d.Architectures, d.Handler)
	}
	policy, ok := policies[d.Role]
	if !ok {
		r.note("%s: its role %s has no policy of its own", res.Path(), d.Role)
	}
	mounts, err := r.mount(f, d, policy)
	if err != nil {
		return nil, err
	}
	binary, err := r.opts.Binaries.function(ctx, service)
	if err != nil {
		return nil, err
	}
	command := []string{binary}
	if len(mounts) > 0 && (r.opts.FileDelay > 0 || r.opts.CountFiles) {
		if f.files, err = slowfiles.New(slowfiles.Options{Folders: slices.Sorted(maps.Values(mounts)), Delay: r.opts.FileDelay, Seed: r.opts.Seed, Launcher: r.launcher}); err != nil {
			return nil, err
		}
		command = f.files.Command(command)
	}
	concurrency := unreserved
	if d.ReservedConcurrentExecutions != nil {
		concurrency = min(*d.ReservedConcurrentExecutions, unreserved)
	}
	f.Function, err = runtimeapi.New(runtimeapi.Config{
		Name: res.Name(), Command: command, Env: r.environment(f, d, mounts), Timeout: f.Timeout, MaxConcurrency: concurrency,
		Output: prefixed{service, r.opts.Output},
	})
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	caller := endpoint.Caller{Name: service, Role: d.Role, Policy: policy}
	if d.VpcConfig != nil {
		caller.Network = r.network
	}
	r.callers[f.key] = caller
	return f, nil
}

// mount makes the folders that stand for the function's file systems, by the
// paths at which it expects them.
func (r *Rehearsal) mount(f *Function, d declaredFunction, policy iam.Policy) (map[string]string, error) {
	mounts := map[string]string{}
	for _, m := range d.FileSystemConfigs {
		point, ok := r.deployment.Find(m.Arn)
		if !ok || point.Type != "AWS::EFS::AccessPoint" {
			return nil, fmt.Errorf("mounts %s, which is no access point", m.Arn)
		}
		var p struct {
			FileSystemID  string `json:"FileSystemId"`
			RootDirectory struct{ Path string }
		}
		if err := point.Decode(&p); err != nil {
			return nil, err
		}
		system, ok := r.deployment.Find(p.FileSystemID)
		if !ok {
			return nil, fmt.Errorf("mounts %s of a file system that is not there", point.Path())
		}
		may := func(action string) bool {
			return policy.Decide(iam.Request{Action: "elasticfilesystem:" + action, Resource: system.ARN(), Keys: map[string][]string{
				"elasticfilesystem:AccessPointArn": {point.ARN()}, "aws:SecureTransport": {"true"},
			}}) == nil
		}
		if !may("ClientMount") {
			return nil, fmt.Errorf("mounts %s, but its role may not", point.Path())
		}
		if f.MayWrite = may("ClientWrite"); !f.MayWrite {
			r.note("%s may not write to its file system; nothing here hinders it", f.resource.Path())
		}
		folder := filepath.Join(r.data, "files", system.Name(), filepath.FromSlash(p.RootDirectory.Path))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("make the folder of %s: %w", point.Path(), err)
		}
		mounts[m.LocalMountPath] = folder
	}
	return mounts, nil
}

// environment is the template's, with what the rehearsal overrides: where people
// reach it, how they sign in, the edge's key, AWS, and the mount. A variable
// that the template does not set is not set here either.
func (r *Rehearsal) environment(f *Function, d declaredFunction, mounts map[string]string) []string {
	vars := maps.Clone(d.Environment.Variables)
	override := func(name, value string) {
		if _, set := vars[name]; set {
			vars[name] = value
		}
	}
	override("WIKIBOT_BASE_URL", r.access.baseURL)
	override("WIKIBOT_SIGN_IN", "development")
	override("WIKIBOT_EDGE_KEYS", r.access.edgeKeys)
	for name, value := range vars {
		for path, folder := range mounts {
			if rest, ok := strings.CutPrefix(value, path); ok && (rest == "" || rest[0] == '/') {
				vars[name] = folder + rest
			}
		}
	}
	vars["AWS_REGION"], vars["AWS_DEFAULT_REGION"] = r.access.region, r.access.region
	vars["AWS_ACCESS_KEY_ID"], vars["AWS_SECRET_ACCESS_KEY"], vars["AWS_SESSION_TOKEN"] = f.key, "rehearsal", "rehearsal"
	maps.Copy(vars, r.access.endpoints)
	env := make([]string, 0, len(vars))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		env = append(env, name+"="+vars[name])
	}
	return env
}

// accessKey makes an access key id of a function's ARN, in the form that AWS's
// temporary ones have.
func accessKey(arn string) string {
	sum := sha256.Sum256([]byte(arn))
	return "ASIA" + strings.ToUpper(hex.EncodeToString(sum[:8]))
}

// FileOperations returns how many operations on its file system there were, by
// kind; nil if they are not counted.
func (f *Function) FileOperations() map[string]int64 {
	if f.files == nil {
		return nil
	}
	return f.files.Counts()
}

func (f *Function) close() error {
	var errs []error
	if f.Function != nil {
		errs = append(errs, f.Function.Close())
	}
	if f.files != nil {
		errs = append(errs, f.files.Close())
	}
	return errors.Join(errs...)
}

// prefixed says who wrote a line.
type prefixed struct {
	name string
	w    io.Writer
}

func (p prefixed) Write(b []byte) (int, error) {
	if _, err := io.WriteString(p.w, p.name+": "+string(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}
