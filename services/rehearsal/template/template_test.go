package template_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/services/rehearsal/template"
)

func small(t *testing.T, o template.Options) *template.Deployment {
	t.Helper()
	if o.Secret == nil {
		o.Secret = func(name, key string) (string, error) { return name + "#" + key, nil }
	}
	d, err := template.Load("testdata/small", o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func one(t *testing.T, d *template.Deployment, typ string) template.Resource {
	t.Helper()
	of := d.Resources(typ)
	if len(of) != 1 {
		t.Fatalf("%d resources of %s, want 1", len(of), typ)
	}
	return of[0]
}

func TestFunctionsAreResolvedAcrossStacks(t *testing.T) {
	d := small(t, template.Options{})
	var function struct {
		Role        string
		MemorySize  int
		Environment struct{ Variables map[string]string }
		Zones       string
	}
	if err := one(t, d, "AWS::Lambda::Function").Decode(&function); err != nil {
		t.Fatal(err)
	}
	if function.Role != one(t, d, "AWS::IAM::Role").ARN() || function.MemorySize != 512 || function.Zones != "us-east-1b" {
		t.Errorf("function = %+v", function)
	}
	want := map[string]string{
		"WIKIBOT_TABLE_WIKIS": "Data-Wikis",
		"NOTE":                "42 in us-east-1 of arn:aws:iam::000000000000:role/Fleet-Role, ${not}",
	}
	if diff := cmp.Diff(want, function.Environment.Variables); diff != "" {
		t.Error(diff)
	}
}

// A policy is only worth something in the rehearsal if what it names is what the
// requests name.
func TestPolicyNamesTheResourcesThemselves(t *testing.T) {
	d := small(t, template.Options{Attribute: func(r template.Resource, name string) (any, error) {
		if name == "StreamArn" {
			return "arn:aws:dynamodb:us-east-1:000000000000:table/Data-Wikis/stream/then", nil
		}
		return nil, nil
	}})
	var policy struct {
		PolicyDocument struct {
			Statement []struct {
				Resource  string
				Condition map[string]map[string]string
			}
		}
	}
	if err := one(t, d, "AWS::IAM::Policy").Decode(&policy); err != nil {
		t.Fatal(err)
	}
	table := one(t, d, "AWS::DynamoDB::Table")
	s := policy.PolicyDocument.Statement
	if s[0].Resource != table.ARN() || s[1].Resource != table.ARN()+"/stream/then" {
		t.Errorf("resources %q and %q are not the table %q and its stream", s[0].Resource, s[1].Resource, table.ARN())
	}
	if got := s[0].Condition["StringEquals"]["aws:SourceAccount"]; got != "000000000000" {
		t.Errorf("a statement's Condition was not kept: %q", got)
	}
}

func TestOriginAndItsSecret(t *testing.T) {
	d := small(t, template.Options{})
	var distribution struct {
		DistributionConfig struct {
			Origins []struct {
				DomainName          string
				OriginCustomHeaders []struct{ HeaderName, HeaderValue string }
			}
		}
	}
	if err := one(t, d, "AWS::CloudFront::Distribution").Decode(&distribution); err != nil {
		t.Fatal(err)
	}
	origin := distribution.DistributionConfig.Origins[0]
	if !strings.HasSuffix(origin.DomainName, ".lambda-url.us-east-1.on.aws") {
		t.Errorf("origin = %q", origin.DomainName)
	}
	door, ok := d.Find(origin.DomainName)
	if !ok || door.Type != "AWS::Lambda::Url" {
		t.Errorf("Find(%q) = %v, %v", origin.DomainName, door.Path(), ok)
	}
	secret := one(t, d, "AWS::SecretsManager::Secret")
	if got, want := origin.OriginCustomHeaders[0].HeaderValue, secret.ARN()+"#current"; got != want {
		t.Errorf("header = %q, want %q", got, want)
	}
}

func TestConditions(t *testing.T) {
	d := small(t, template.Options{})
	if topics := d.Resources("AWS::SNS::Topic"); len(topics) != 0 {
		t.Errorf("a resource whose condition does not hold exists: %v", topics)
	}
	if _, ok := one(t, d, "AWS::DynamoDB::Table").Properties["DeletionProtectionEnabled"]; ok {
		t.Error("AWS::NoValue did not leave the property out")
	}
}

func TestFind(t *testing.T) {
	d := small(t, template.Options{Physical: func(r template.Resource) string {
		if r.Type == "AWS::SQS::Queue" {
			return "my-letters"
		}
		return ""
	}})
	for ref, want := range map[string]string{
		"arn:aws:dynamodb:us-east-1:000000000000:table/Data-Wikis":         "Data/Wikis",
		"arn:aws:dynamodb:us-east-1:000000000000:table/Data-Wikis/index/a": "Data/Wikis",
		"Data-Wikis": "Data/Wikis",
		"https://sqs.us-east-1.amazonaws.com/000000000000/my-letters": "Data/Letters",
		"arn:aws:sqs:us-east-1:000000000000:my-letters":               "Data/Letters",
		"wikibot-dev": "Data/Bus",
		"arn:aws:lambda:us-east-1:000000000000:function:Fleet-Wiki":                 "Fleet/Wiki",
		"arn:aws:lambda:us-east-1:000000000000:function:Fleet-Wiki:live":            "Fleet/Wiki",
		"arn:aws:s3:::data-app/assets/x.js":                                         "Data/App",
		"data-app.s3.us-east-1.amazonaws.com":                                       "Data/App",
		"arn:aws:lambda:us-east-1:000000000000:function:Fleet-Wikipedia":            "",
		"arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-nobody": "",
		"":    "",
		"arn": "",
	} {
		r, ok := d.Find(ref)
		if ok != (want != "") || ok && r.Path() != want {
			t.Errorf("Find(%q) = %q, %v, want %q", ref, r.Path(), ok, want)
		}
	}
}

// What cannot be resolved says where it stands.
func TestUnknownThingsAreErrors(t *testing.T) {
	for why, c := range map[string]struct{ resources, want string }{
		"a function that nobody knows":         {`"A":{"Type":"T","Properties":{"P":[{"Q":{"Fn::Cidr":["x"]}}]}}`, "S.A.Properties.P[0].Q: the function Fn::Cidr"},
		"a resource that is not there":         {`"A":{"Type":"T","Properties":{"P":{"Ref":"B"}}}`, `S.A.Properties.P: there is no resource "B"`},
		"an attribute that nobody knows":       {`"A":{"Type":"AWS::SQS::Queue","Properties":{}},"B":{"Type":"T","Properties":{"P":{"Fn::GetAtt":["A","Colour"]}}}`, "S.B.Properties.P: Fn::GetAtt A.Colour: the attribute of AWS::SQS::Queue is not known"},
		"a value that only a deployment has":   {`"A":{"Type":"T","Properties":{"P":{"Ref":"Param"}}}`, "the parameter Param has no value"},
		"an export that is not there":          {`"A":{"Type":"T","Properties":{"P":{"Fn::ImportValue":"E"}}}`, `no stack exports "E"`},
		"a circle":                             {`"A":{"Type":"T","Properties":{"P":{"Ref":"B"}}},"B":{"Type":"T","Properties":{"P":{"Ref":"A"}}}`, "lead back to itself"},
		"an item beyond the list":              {`"A":{"Type":"T","Properties":{"P":{"Fn::Select":[2,["a","b"]]}}}`, "no item 2 among 2"},
		"a pseudo parameter that nobody knows": {`"A":{"Type":"T","Properties":{"P":{"Ref":"AWS::Moon"}}}`, "AWS::Moon"},
		"a dynamic reference elsewhere":        {`"A":{"Type":"T","Properties":{"P":"{{resolve:ssm:x}}"}}`, "is not known here"},
		"a secret without a store":             {`"A":{"Type":"T","Properties":{"P":"{{resolve:secretsmanager:x}}"}}`, "there are no secrets"},
		"a dependency that is not there":       {`"A":{"Type":"T","DependsOn":"B"}`, "S.A.DependsOn: there is no resource B"},
		"a condition that is not there":        {`"A":{"Type":"T","Condition":"C"}`, `there is no condition "C"`},
		"a condition that leads to itself":     {`"A":{"Type":"T","Condition":"Round"}`, "leads back to itself"},
		"a function among properties":          {`"A":{"Type":"T","Properties":{"P":{"Fn::Sub":"x","Q":1}}}`, "has other keys beside it"},
		"a variable that is not closed":        {`"A":{"Type":"T","Properties":{"P":{"Fn::Sub":"x ${A"}}}`, "is not closed"},
	} {
		dir := t.TempDir()
		body := `{"Parameters":{"Param":{"Type":"String"}},"Conditions":{"Round":{"Fn::Not":[{"Condition":"Round"}]}},"Resources":{` + c.resources + `}}`
		if err := os.WriteFile(filepath.Join(dir, "S.template.json"), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := template.Load(dir, template.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", why, err, c.want)
		}
	}
}

func TestEverythingIsReportedAtOnce(t *testing.T) {
	dir := t.TempDir()
	body := `{"Resources":{"A":{"Type":"T","Properties":{"P":{"Ref":"X"},"Q":{"Ref":"Y"}}},"B":{"Type":"T","Properties":{"P":{"Ref":"Z"}}},"C":{"Type":"T","Properties":{"P":{"Ref":"B"}}}}}`
	if err := os.WriteFile(filepath.Join(dir, "S.template.json"), []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := template.Load(dir, template.Options{})
	if err == nil || strings.Count(err.Error(), "there is no resource") != 3 {
		t.Errorf("error = %v, want X, Y and Z named once each", err)
	}
}

func TestSecretThatCannotBeReadIsNamed(t *testing.T) {
	_, err := template.Load("testdata/small", template.Options{Secret: func(string, string) (string, error) { return "", errors.New("it is not there") }})
	if err == nil || !strings.Contains(err.Error(), "Fleet.Distribution.Properties.DistributionConfig.Origins[0].OriginCustomHeaders[0].HeaderValue") {
		t.Errorf("error = %v", err)
	}
}
