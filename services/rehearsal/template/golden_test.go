package template_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"testing"

	"wikibot.io/services/rehearsal/template"
)

// golden holds the templates that are deployed.
const golden = "../../../cdk/testdata/golden"

var arn = regexp.MustCompile(`arn:aws:[^"\\]+`)

// outside are ARNs of what no template of the deployment makes.
var outside = []*regexp.Regexp{
	regexp.MustCompile(`^arn:aws:iam::\d+:role/cdk-`),       // made when an account is first prepared
	regexp.MustCompile(`^arn:aws:iam::aws:policy/`),         // AWS's own
	regexp.MustCompile(`^arn:aws:cloudformation:.*:stack/`), // the stacks themselves
	regexp.MustCompile(`^arn:aws:(s3:::|ssm:.*)/?cdk-`),
	regexp.MustCompile(`^arn:aws:ssm:.*:parameter/wikibot/(dev|prod)/sign-in$`), // made by the operator before
	regexp.MustCompile(`:oidc-provider/`),                                       // prod uses the one that dev made
	regexp.MustCompile(`\*$`),                                                   // a pattern
}

// Every ARN that a policy, a mapping or a setting says must be that of a
// resource, or what it grants is granted on nothing.
func TestDeployedTemplatesReferToTheirResources(t *testing.T) {
	for _, stage := range []string{"dev", "prod"} {
		d, err := template.Load(filepath.Join(golden, stage), template.Options{Secret: func(name, key string) (string, error) { return "value of " + name + " " + key, nil }})
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, r := range d.Resources("") {
			text, err := json.Marshal(r.Properties)
			if err != nil {
				t.Fatal(err)
			}
			for _, ref := range arn.FindAllString(string(text), -1) {
				seen++
				if _, ok := d.Find(ref); !ok && !matchesAny(ref) {
					t.Errorf("%s %s refers to %s, which nothing is called", stage, r.Path(), ref)
				}
			}
		}
		if seen < 50 {
			t.Errorf("%s: only %d ARNs were seen", stage, seen)
		}
	}
}

func matchesAny(ref string) bool {
	for _, re := range outside {
		if re.MatchString(ref) {
			return true
		}
	}
	return false
}
