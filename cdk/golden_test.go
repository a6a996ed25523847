package cdk_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/cdk"
	"wikibot.io/cdk/policy"
	"wikibot.io/contracts/routes"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

// assembly is what one synthesis of stages.json gave.
type assembly struct {
	templates map[string]map[string][]byte // by stage and stack, as they are in golden files
	findings  []string                     // of cdk-nag, without those that are excused
	trusting  map[string][]byte            // templates of a stage that no file has: see trusting
}

// synthesized runs the CDK once for all tests: it takes seconds. The binaries
// are placeholders; nothing but their hash could show.
var synthesized = sync.OnceValues(func() (assembly, error) {
	out := assembly{templates: map[string]map[string][]byte{}}
	file, err := os.ReadFile("stages.json")
	if err != nil {
		return out, err
	}
	stages, err := cdk.Load(file)
	if err != nil {
		return out, err
	}
	dir, err := os.MkdirTemp("", "wikibot-cdk")
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(dir)
	for _, s := range []routes.Service{routes.Auth, routes.Management, routes.Wiki, routes.MCP, routes.GitHTTP, routes.Embedding, routes.Relay} {
		if err := os.MkdirAll(filepath.Join(dir, "bin", string(s)), 0o755); err != nil {
			return out, err
		}
		if err := os.WriteFile(filepath.Join(dir, "bin", string(s), "bootstrap"), []byte(s), 0o755); err != nil {
			return out, err
		}
	}
	other := trusting(stages[0])
	stages = append(stages, other)
	app := cdk.NewApp(filepath.Join(dir, "out"))
	cdk.New(app, cdk.Deployment{Stages: stages, Binaries: filepath.Join(dir, "bin")})
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Reports: jsii.Bool(false), Verbose: jsii.Bool(true)}), nil)
	all := map[string][]byte{}
	for _, stack := range *app.Synth(nil).Stacks() {
		for _, m := range *stack.Messages() {
			var found struct {
				Data any `json:"data"`
			}
			if text, err := json.Marshal(m.Entry); err == nil && json.Unmarshal(text, &found) == nil {
				text, _ := found.Data.(string)
				out.findings = append(out.findings, *m.Id+" "+text)
			}
		}
		template, err := os.ReadFile(*stack.TemplateFullPath())
		if err != nil {
			return out, err
		}
		all[*stack.StackName()] = masked(template)
	}
	for _, stage := range stages {
		out.templates[stage.Name] = stage.Own(all)
	}
	out.trusting = out.templates[other.Name]
	delete(out.templates, other.Name)
	return out, nil
})

// trusting is a stage like another, which takes access tokens of a foreign issuer.
// It is synthesized with the others, because a synthesis takes seconds, but has no
// golden files: what it adds is what [TestTrustingStageKeepsThePolicies] looks for.
func trusting(like cdk.Stage) cdk.Stage {
	like.Name, like.Domain = "trusting", "trusting."+like.Domain
	like.GitHub.CreatesProvider = false
	like.TrustedIssuers = []cdk.TrustedIssuer{{Issuer: "https://idp.example.org", Role: "viewer"}}
	return like
}

func TestTrustingStageKeepsThePolicies(t *testing.T) {
	got, err := synthesized()
	if err != nil {
		t.Fatal(err)
	}
	s, err := policy.Read("trusting", got.trusting)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range policy.Check(s) {
		t.Error(v)
	}
	fleet := string(got.trusting["wikibot-trusting-fleet"])
	if n := strings.Count(fleet, "WIKIBOT_TRUSTED_ISSUERS"); n != 2 || !strings.Contains(fleet, "fetch-issuer-keys") {
		t.Errorf("%d functions are told whom to trust, want 2, and the clock has to say fetch-issuer-keys", n)
	}
}

var assetHash = regexp.MustCompile(`[0-9a-f]{64}\.(zip|json)`)

// masked hides the hashes of binaries, which differ between compilers.
func masked(template []byte) []byte {
	return append(assetHash.ReplaceAll(template, []byte("ASSET.$1")), '\n')
}

func TestGoldenTemplates(t *testing.T) {
	got, err := synthesized()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.RemoveAll("testdata/golden"); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for stage, templates := range got.templates {
		for name, template := range templates {
			file := filepath.Join("testdata", "golden", stage, name+".template.json")
			seen[file] = true
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, template, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(template), "\n")); diff != "" {
				t.Errorf("%s is not what the code says (-golden +code). If the change is meant, run: go test . -update\n%s", file, diff)
			}
		}
	}
	files, err := filepath.Glob("testdata/golden/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !seen[file] {
			t.Errorf("%s belongs to no stack", file)
		}
	}
}
