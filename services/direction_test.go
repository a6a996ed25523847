package services_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A rule bans imports: no package whose path begins with From may depend, even
// through others, on one that begins with To.
type rule struct {
	From, To string
	Except   []string // packages under From to which the rule does not apply
	Why, Fix string
}

const module = "wikibot.io/"

var rules = []rule{
	{
		From: module + "contracts", To: module + "pkg",
		Why: "contracts are what services agree on; whoever implements them, in whatever way, must be able to import them alone",
		Fix: "move the type into contracts, or the code that needs pkg out of it",
	},
	{
		From: module + "contracts", To: module + "services",
		Why: "contracts know nothing of who fulfils them",
		Fix: "move the shared type into contracts",
	},
	{
		From: module + "pkg", To: module + "services",
		Why: "pkg is the floor that services stand on",
		Fix: "pass what is needed in through an interface that pkg declares",
	},
	{
		From: module + "pkg", To: "modernc.org/sqlite",
		Except: []string{module + "pkg/records/sqlite", module + "pkg/index", module + "pkg/wiki"},
		Why:    "the records' driver is chosen by main alone; only the index keeps a SQLite file of its own",
		Fix:    "depend on the interfaces in pkg/records",
	},
	{
		From: module + "pkg/wiki", To: module + "pkg/records/sqlite",
		Except: []string{module + "pkg/wiki/wikitest"},
		Why:    "the engine runs on any driver",
		Fix:    "depend on the interfaces in pkg/records",
	},
	{
		From: module, To: "github.com/aws/",
		Except: append(cmds(),
			module+"pkg/records/dynamo", module+"pkg/event/eventbridge", module+"pkg/event/deadletter",
			module+"pkg/identity/keyvault", module+"pkg/lambdakit",
			module+"services/relay", module+"services/internal/cloud", module+"services/rehearsal"),
		Why: "the one-process binary carries no AWS code; only the drivers for AWS, and what puts them together, may link it",
		Fix: "put the call behind a port and its driver into a package of its own",
	},
	{
		From: module + "services", To: module + "pkg/identity/keyvault/signing",
		Except: []string{module + "services/auth/cmd", module + "services/rehearsal"},
		Why:    "what reads the private keys is in one binary alone",
		Fix:    "verify with package keyvault, which knows the public keys",
	},
	{
		From: module + "services/internal/cloud", To: module + "pkg/index",
		Except: []string{module + "services/internal/cloud/files"},
		Why:    "the database and the renderer below the index would cost every function a third of its start",
		Fix:    "open it in services/internal/cloud/files",
	},
	{
		From: module + "services/auth/internal/outbound", To: module + "pkg/records",
		Why: "what fetches addresses that strangers name holds nothing that they could be after",
		Fix: "hand it the address and take the document",
	},
	{
		From: module + "services/auth/internal/pages", To: module + "pkg/records",
		Why: "pages draw what they are given and look nothing up",
		Fix: "put what is shown into the page's own data",
	},
	{
		From: module + "services/auth/provider", To: module + "services/auth/internal",
		Why: "a provider says who somebody is; what becomes of that is decided by package auth alone",
		Fix: "return it in a Person",
	},
	{
		From: module + "services/wikibot/internal/cli", To: module,
		Why: "the command line asks a fleet as any other client does, by what its metadata say",
		Fix: "read it from the fleet's answers",
	},
	{
		From: module, To: module + "pkg/identity/keydir/keydirtest",
		Why: "its folders hold a key that each test of a process shares",
		Fix: "open a folder with package keydir",
	},
}

// services lists the members of the fleet. One never imports another; only the
// composition (wikibot) knows them all.
var services = []string{"auth", "management", "wiki", "mcp", "githttp", "embedding", "relay"}

// cmds are the mains of the functions, which choose drivers.
func cmds() []string {
	var list []string
	for _, s := range services {
		list = append(list, module+"services/"+s+"/cmd")
	}
	return list
}

// drivers are what mains alone choose from.
var drivers = []string{
	"pkg/records/dynamo", "pkg/records/sqlite", "pkg/event/eventbridge", "pkg/event/deadletter",
	"pkg/identity/keyvault", "pkg/identity/keydir", "pkg/lambdakit",
}

// ofServices are the rules about each member of the fleet.
func ofServices() (list []rule) {
	for _, a := range services {
		from := module + "services/" + a
		for _, b := range services {
			if a != b {
				list = append(list, rule{
					From: from, To: module + "services/" + b,
					Why: "services share contracts and pkg, so that each can be deployed alone",
					Fix: "exchange an event, or move what both need into pkg",
				})
			}
		}
		for _, shared := range []string{"services/rehearsal", "services/internal/cloud"} {
			list = append(list, rule{
				From: module + shared, To: from,
				Why: "the rehearsal knows services by their binaries and templates alone, and what functions have in common knows none",
				Fix: "ask the running function, or pass in what is needed",
			})
		}
		for _, d := range drivers {
			if a == "relay" {
				break // it is between two of AWS's services, and nowhere else
			}
			list = append(list, rule{
				From: from, To: module + d, Except: []string{from + "/cmd"},
				Why: "a service runs on any driver; mains choose",
				Fix: "depend on the interface, and open the driver in main",
			})
		}
	}
	return list
}

type pkg struct {
	ImportPath string
	Deps       []string
}

func TestDependenciesPointOneWay(t *testing.T) {
	all := append(slices.Clone(rules), ofServices()...)
	for _, p := range list(t) {
		for _, r := range all {
			if !below(p.ImportPath, r.From) || excepted(p.ImportPath, r.Except) {
				continue
			}
			for _, dep := range p.Deps {
				if below(dep, r.To) {
					t.Errorf("%s depends on %s.\n\tThat is banned: %s.\n\tTo mend it: %s.", p.ImportPath, dep, r.Why, r.Fix)
					break
				}
			}
		}
	}
}

// below reports whether a package is the named one or lies beneath it. A prefix
// that ends in a slash is taken as it is.
func below(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
}

func excepted(path string, except []string) bool {
	for _, e := range except {
		if below(path, e) {
			return true
		}
	}
	return false
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps=false", "-json=ImportPath,Deps", "wikibot.io/contracts/...", "wikibot.io/pkg/...", "wikibot.io/services/...")
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) < 10 {
		t.Fatalf("go list found only %d packages; the rules were not checked", len(pkgs))
	}
	return pkgs
}
