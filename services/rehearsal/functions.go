package rehearsal

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
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
	// Memory and Scratch are how much the template gives each process, in MB.
	// Nothing holds it to that; [Function.Overrun] tells.
	Memory, Scratch int
	Timeout         time.Duration
	// MayWrite: its role may write to all file systems that it mounts. To one that
	// may not they are read-only; where that cannot be done [Rehearsal.Notes] says so.
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
	EphemeralStorage  struct{ Size int }
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

// What a function has that does not say otherwise, in MB.
const defaultMemory, defaultScratch = 128, 512

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
		Service: service, Memory: cmp.Or(d.MemorySize, defaultMemory), Scratch: cmp.Or(d.EphemeralStorage.Size, defaultScratch), Timeout: time.Duration(d.Timeout) * time.Second,
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
	command, err := r.supervise(ctx, f, []string{binary}, mounts)
	if err != nil {
		return nil, err
	}
	concurrency := unreserved
	if d.ReservedConcurrentExecutions != nil {
		concurrency = min(*d.ReservedConcurrentExecutions, unreserved)
	}
	f.Function, err = runtimeapi.New(runtimeapi.Config{
		Name: res.Name(), Command: command, Env: r.environment(f, d, mounts), Memory: f.Memory, Timeout: f.Timeout, MaxConcurrency: concurrency,
		Freeze: true, Output: prefixed{service, r.opts.Output},
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
	if s := r.opts.SignIn; s != nil {
		override("WIKIBOT_SIGN_IN", s.Kind)
		override("WIKIBOT_SIGN_IN_ISSUER", s.Issuer)
		override("WIKIBOT_SIGN_IN_CLIENT", s.ClientID)
	} else {
		override("WIKIBOT_SIGN_IN", "development")
	}
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
