package policy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wikibot.io/cdk/policy"
)

// golden returns the templates of a stage that package cdk's test holds equal to
// what is synthesized.
func golden(t *testing.T, stage string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "testdata", "golden", stage, "*.template.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no golden templates of %s: %v", stage, err)
	}
	out := map[string][]byte{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".template.json")] = text
	}
	return out
}

func check(t *testing.T, stage string, templates map[string][]byte) []policy.Violation {
	t.Helper()
	s, err := policy.Read(stage, templates)
	if err != nil {
		t.Fatal(err)
	}
	return policy.Check(s)
}

func TestStagesKeepThePolicies(t *testing.T) {
	for _, stage := range []string{"dev", "prod"} {
		for _, v := range check(t, stage, golden(t, stage)) {
			t.Errorf("%s: %v", stage, v)
		}
	}
}

type object = map[string]any

// at follows keys of objects, and indices of lists, to an object.
func at(o any, path ...any) object {
	for _, key := range path {
		switch key := key.(type) {
		case string:
			o = o.(object)[key]
		case int:
			o = o.([]any)[key]
		}
	}
	return o.(object)
}

// resource is a resource's properties.
func resource(templates map[string]object, stack, id string) object {
	return at(templates["wikibot-dev-"+stack], "Resources", id, "Properties")
}

// behaviour is what a distribution does with a pattern.
func behaviour(templates map[string]object, distribution, pattern string) object {
	all := at(resource(templates, "edge", distribution), "DistributionConfig")["CacheBehaviors"].([]any)
	i := slices.IndexFunc(all, func(b any) bool { return b.(object)["PathPattern"] == pattern })
	return all[i].(object)
}

func add(templates map[string]object, stack, id, kind string, properties object) {
	at(templates["wikibot-dev-"+stack], "Resources")[id] = object{"Type": kind, "Properties": properties}
}

func remove(templates map[string]object, stack string, ids ...string) {
	for _, id := range ids {
		delete(at(templates["wikibot-dev-"+stack], "Resources"), id)
	}
}

// allow adds a statement to a role.
func allow(templates map[string]object, stack, role string, action string, resource any) {
	policy := at(resourceOf(templates, stack, role), "Policies", 0, "PolicyDocument")
	policy["Statement"] = append(policy["Statement"].([]any), object{"Effect": "Allow", "Action": []any{action}, "Resource": []any{resource}})
}

var resourceOf = resource

// trust tells functions whose tokens to take.
func trust(templates map[string]object, functions ...string) {
	for _, id := range functions {
		at(resource(templates, "fleet", id), "Environment", "Variables")["WIKIBOT_TRUSTED_ISSUERS"] = `[{"issuer":"https://idp.example","role":"viewer"}]`
	}
}

// Each of these would be a mistake that somebody could make; each has to be seen
// by the policy that it is a mistake against.
var mistakes = []struct {
	policy, what string
	make         func(map[string]object)
}{
	{"no way out", "a NAT gateway", func(m map[string]object) { add(m, "network", "Nat", "AWS::EC2::NatGateway", object{}) }},
	{"no way out", "an interface endpoint", func(m map[string]object) {
		add(m, "network", "Secrets", "AWS::EC2::VPCEndpoint", object{"VpcEndpointType": "Interface", "PolicyDocument": object{}})
	}},
	{"no way out", "an endpoint to everybody's tables", func(m map[string]object) { delete(resource(m, "network", "DynamoEndpoint"), "PolicyDocument") }},
	{"no way out", "egress to the world", func(m map[string]object) {
		resource(m, "network", "FunctionsGroup")["SecurityGroupEgress"] = []any{object{"CidrIp": "0.0.0.0/0", "IpProtocol": "-1"}}
	}},
	{"no way out", "egress by default", func(m map[string]object) { delete(resource(m, "network", "FilesGroup"), "SecurityGroupEgress") }},

	{"no wildcard action", "all of S3", func(m map[string]object) { allow(m, "fleet", "WikiRole", "s3:*", "arn:aws:s3:::b") }},
	{"no wildcard action", "all readers of DynamoDB", func(m map[string]object) { allow(m, "fleet", "WikiRole", "dynamodb:Get*", "arn") }},
	{"exact resources", "every queue", func(m map[string]object) { allow(m, "fleet", "WikiRole", "sqs:SendMessage", "*") }},
	{"exact resources", "the code makes interfaces", func(m map[string]object) {
		document := at(resource(m, "fleet", "WikiRole"), "Policies", 0, "PolicyDocument")
		var kept []any
		for _, st := range document["Statement"].([]any) {
			if st.(object)["Effect"] != "Deny" {
				kept = append(kept, st)
			}
		}
		document["Statement"] = kept
	}},
	{"exact resources", "a managed policy", func(m map[string]object) {
		resource(m, "fleet", "WikiRole")["ManagedPolicyArns"] = []any{"arn:aws:iam::aws:policy/PowerUserAccess"}
	}},
	{"own role", "a shared role", func(m map[string]object) {
		resource(m, "fleet", "WikiFunction")["Role"] = resource(m, "fleet", "McpFunction")["Role"]
	}},
	{"access to tables", "one action more", func(m map[string]object) {
		allow(m, "fleet", "GithttpRole", "dynamodb:DeleteItem", at(resource(m, "fleet", "GithttpRole"), "Policies", 0, "PolicyDocument", "Statement", 2)["Resource"].([]any)[0])
	}},
	{"access to tables", "one table less", func(m map[string]object) {
		at(resource(m, "fleet", "GithttpRole"), "Policies", 0, "PolicyDocument", "Statement", 2)["Action"] = []any{}
	}},
	{"access to files", "the git view writes", func(m map[string]object) {
		allow(m, "fleet", "GithttpRole", "elasticfilesystem:ClientWrite", "arn")
	}},
	{"access to files", "no access point", func(m map[string]object) {
		at(resource(m, "fleet", "WikiFunction"), "FileSystemConfigs", 0)["Arn"] = "arn:aws:elasticfilesystem:fs"
	}},
	{"no secret in the VPC", "a secret in the environment", func(m map[string]object) {
		at(resource(m, "fleet", "WikiFunction"), "Environment", "Variables")["WIKIBOT_EDGE"] = "{{resolve:secretsmanager:x:SecretString:y}}"
	}},
	{"no secret in the VPC", "a permission", func(m map[string]object) {
		allow(m, "fleet", "McpRole", "secretsmanager:GetSecretValue", "arn")
	}},
	{"keys", "management reads the keys", func(m map[string]object) {
		allow(m, "fleet", "ManagementRole", "secretsmanager:GetSecretValue", "arn")
	}},
	{"sign-in asks for proof", "development", func(m map[string]object) {
		at(resource(m, "fleet", "AuthFunction"), "Environment", "Variables")["WIKIBOT_SIGN_IN"] = "development"
	}},
	{"sign-in asks for proof", "another function reads the secret", func(m map[string]object) {
		allow(m, "fleet", "ManagementRole", "ssm:GetParameter", "arn")
	}},
	{"sign-in asks for proof", "the function is not told what it may read", func(m map[string]object) {
		delete(at(resource(m, "fleet", "AuthFunction"), "Environment", "Variables"), "WIKIBOT_SIGN_IN_PARAMETER")
	}},
	{"trusted issuers", "the wiki function is told", func(m map[string]object) { trust(m, "WikiFunction", "AuthFunction", "McpFunction") }},
	{"trusted issuers", "only one is told", func(m map[string]object) { trust(m, "McpFunction") }},
	{"trusted issuers", "nobody fetches their keys", func(m map[string]object) { trust(m, "AuthFunction", "McpFunction") }},
	{"what people hold", "management ends sessions", func(m map[string]object) {
		allow(m, "fleet", "ManagementRole", "dynamodb:DeleteItem", object{"Fn::ImportValue": "wikibot-dev-data:ExportsOutputFnGetAttSessionsTableArn6982481A"})
	}},
	{"what people hold", "the wiki function reads tickets", func(m map[string]object) {
		allow(m, "fleet", "WikiRole", "dynamodb:GetItem", object{"Fn::ImportValue": "wikibot-dev-data:ExportsOutputFnGetAttTicketsTableArn38461C5A"})
	}},
	{"the clock", "nobody is forgotten", func(m map[string]object) { remove(m, "fleet", "AuthForgetDepartedSchedule") }},
	{"the clock", "the keys grow old", func(m map[string]object) {
		resource(m, "fleet", "AuthRotateKeysSchedule")["ScheduleExpression"] = "rate(365 days)"
	}},
	{"the clock", "the rule is let in nowhere", func(m map[string]object) { remove(m, "fleet", "AuthForgetDepartedInvokes") }},

	{"functions", "a function is missing", func(m map[string]object) { remove(m, "fleet", "RelayFunction") }},
	{"functions", "a function is another one", func(m map[string]object) {
		at(resource(m, "fleet", "WikiFunction"), "Environment", "Variables")["WIKIBOT_SERVICE"] = "mcp"
	}},
	{"functions", "a wrong table", func(m map[string]object) {
		env := at(resource(m, "fleet", "WikiFunction"), "Environment", "Variables")
		env["WIKIBOT_TABLE_WIKIS"] = env["WIKIBOT_TABLE_USERS"]
	}},
	{"functions", "another processor", func(m map[string]object) { delete(resource(m, "fleet", "WikiFunction"), "Architectures") }},

	{"subscriptions", "a row without a rule", func(m map[string]object) { remove(m, "fleet", "WikiRemovalRule") }},
	{"subscriptions", "a row with two", func(m map[string]object) {
		add(m, "fleet", "Again", "AWS::Events::Rule", resource(m, "fleet", "WikiRemovalRule"))
	}},
	{"subscriptions", "an event type less", func(m map[string]object) {
		at(resource(m, "fleet", "EmbeddingIndexRule"), "EventPattern")["detail-type"] = []any{"page.saved"}
	}},
	{"subscriptions", "another function", func(m map[string]object) {
		at(resource(m, "fleet", "WikiRemovalRule"), "Targets", 0)["Arn"] = object{"Fn::GetAtt": []any{"McpFunction", "Arn"}}
	}},
	{"subscriptions", "no permission", func(m map[string]object) { remove(m, "fleet", "WikiRemovalInvokes") }},
	{"subscriptions", "no dead letters", func(m map[string]object) {
		delete(at(resource(m, "fleet", "WikiRemovalRule"), "Targets", 0), "DeadLetterConfig")
	}},
	{"subscriptions", "the queue is closed to the rule", func(m map[string]object) { remove(m, "fleet", "WikiRemovalDeadLettersPolicy") }},
	{"relay", "a stream without a reader", func(m map[string]object) { remove(m, "fleet", "RelayFromUsers") }},
	{"relay", "it gives up after three attempts", func(m map[string]object) { resource(m, "fleet", "RelayFromUsers")["MaximumRetryAttempts"] = 3.0 }},
	{"relay", "events out of order", func(m map[string]object) { resource(m, "fleet", "RelayFromWikis")["ParallelizationFactor"] = 10.0 }},
	{"dead letters", "failures are forgotten", func(m map[string]object) { remove(m, "fleet", "EmbeddingRetries") }},
	{"dead letters", "the relay's are", func(m map[string]object) { delete(resource(m, "fleet", "RelayFromWikis"), "DestinationConfig") }},
	{"dead letters", "nobody is told", func(m map[string]object) { remove(m, "operations", "WikiRemovalDeadLettersAlarm") }},
	{"dead letters", "the alarm rings nobody", func(m map[string]object) { delete(resource(m, "operations", "RelayFailuresAlarm"), "AlarmActions") }},
	{"dead letters", "the role may not send", func(m map[string]object) {
		document := at(resource(m, "fleet", "AuthRole"), "Policies", 0, "PolicyDocument")
		statements := document["Statement"].([]any)
		document["Statement"] = statements[:len(statements)-1]
	}},
	{"queues", "four days", func(m map[string]object) { delete(resource(m, "fleet", "WikiFailures"), "MessageRetentionPeriod") }},
	{"queues", "plain connections", func(m map[string]object) { remove(m, "fleet", "WikiFailuresPolicy") }},
	{"log retention", "for ever", func(m map[string]object) { delete(resource(m, "fleet", "WikiLogs"), "RetentionInDays") }},
	{"log retention", "a group that Lambda makes", func(m map[string]object) { delete(resource(m, "fleet", "WikiFunction"), "LoggingConfig") }},

	{"data is kept", "a table is deleted with its stack", func(m map[string]object) {
		delete(at(m["wikibot-dev-data"], "Resources", "WikisTable"), "DeletionPolicy")
	}},
	{"data is kept", "no recovery", func(m map[string]object) {
		delete(resource(m, "data", "WikisTable"), "PointInTimeRecoverySpecification")
	}},
	{"data is kept", "no protection", func(m map[string]object) { resource(m, "data", "WikisTable")["DeletionProtectionEnabled"] = false }},
	{"data is kept", "a table is missing", func(m map[string]object) { remove(m, "data", "GrantsTable") }},
	{"data is kept", "another key", func(m map[string]object) {
		resource(m, "data", "GrantsTable")["KeySchema"] = resource(m, "data", "WikisTable")["KeySchema"]
	}},
	{"data is kept", "items never expire", func(m map[string]object) { delete(resource(m, "data", "IdempotencyTable"), "TimeToLiveSpecification") }},
	{"data is kept", "anybody in the VPC mounts the files", func(m map[string]object) { delete(resource(m, "data", "Files"), "FileSystemPolicy") }},
	{"backups", "the files are not saved", func(m map[string]object) {
		selection := at(resource(m, "operations", "BackedUp"), "BackupSelection")
		selection["Resources"] = selection["Resources"].([]any)[1:]
	}},

	{"function URLs", "one permission of two", func(m map[string]object) { remove(m, "fleet", "WikiUrlInvokes") }},
	{"function URLs", "anybody may invoke the function", func(m map[string]object) {
		delete(resource(m, "fleet", "WikiUrlInvokes"), "InvokedViaFunctionUrl")
	}},
	{"function URLs", "signed calls", func(m map[string]object) { resource(m, "fleet", "WikiUrl")["AuthType"] = "AWS_IAM" }},
	{"function URLs", "no key", func(m map[string]object) {
		delete(at(resource(m, "fleet", "WikiFunction"), "Environment", "Variables"), "WIKIBOT_EDGE_KEYS")
	}},
	{"function URLs", "a URL is missing", func(m map[string]object) { remove(m, "fleet", "AuthUrl") }},
	{"routes", "another order", func(m map[string]object) {
		b := at(resource(m, "edge", "Root"), "DistributionConfig")["CacheBehaviors"].([]any)
		b[0], b[1] = b[1], b[0]
	}},
	{"routes", "a route is missing", func(m map[string]object) {
		c := at(resource(m, "edge", "Wikis"), "DistributionConfig")
		c["CacheBehaviors"] = c["CacheBehaviors"].([]any)[1:]
	}},
	{"routes", "another function", func(m map[string]object) {
		at(resource(m, "edge", "Wikis"), "DistributionConfig", "CacheBehaviors", 0)["TargetOriginId"] = "wiki"
	}},
	{"routes", "an agent's answers are kept", func(m map[string]object) {
		at(resource(m, "edge", "Wikis"), "DistributionConfig", "CacheBehaviors", 0)["CachePolicyId"] = object{"Ref": "OriginDecides"}
	}},
	{"routes", "git is not asked for a password", func(m map[string]object) {
		delete(at(resource(m, "edge", "Wikis"), "DistributionConfig", "DefaultCacheBehavior"), "LambdaFunctionAssociations")
	}},
	{"routes", "an origin without the key", func(m map[string]object) {
		delete(at(resource(m, "edge", "Wikis"), "DistributionConfig", "Origins", 0), "OriginCustomHeaders")
	}},
	{"routes", "the host is lost", func(m map[string]object) {
		delete(at(resource(m, "edge", "Wikis"), "DistributionConfig", "DefaultCacheBehavior"), "FunctionAssociations")
	}},
	{"private pages", "cookies are not in the key", func(m map[string]object) {
		at(resource(m, "edge", "OriginDecides"), "CachePolicyConfig", "ParametersInCacheKeyAndForwardedToOrigin", "CookiesConfig")["CookieBehavior"] = "none"
	}},
	{"private pages", "tokens are not in the key", func(m map[string]object) {
		at(resource(m, "edge", "OriginDecides"), "CachePolicyConfig", "ParametersInCacheKeyAndForwardedToOrigin", "HeadersConfig")["Headers"] = []any{"X-Forwarded-Host"}
	}},
	{"private pages", "the host is not in the key", func(m map[string]object) {
		at(resource(m, "edge", "Immutable"), "CachePolicyConfig", "ParametersInCacheKeyAndForwardedToOrigin", "HeadersConfig")["Headers"] = []any{}
	}},
	{"private pages", "everything is kept for a minute", func(m map[string]object) {
		at(resource(m, "edge", "OriginDecides"), "CachePolicyConfig")["MinTTL"] = 60.0
	}},
	{"private pages", "files are asked for with cookies", func(m map[string]object) {
		behaviour(m, "Wikis", "/-/assets/*")["OriginRequestPolicyId"] = object{"Ref": "Forwarding"}
	}},
	{"errors are not kept", "as CloudFront does by default", func(m map[string]object) {
		delete(at(resource(m, "edge", "Wikis"), "DistributionConfig"), "CustomErrorResponses")
	}},
	{"TLS", "an old version", func(m map[string]object) {
		at(resource(m, "edge", "Root"), "DistributionConfig", "ViewerCertificate")["MinimumProtocolVersion"] = "TLSv1"
	}},
	{"TLS", "HTTP is answered", func(m map[string]object) {
		at(resource(m, "edge", "Root"), "DistributionConfig", "DefaultCacheBehavior")["ViewerProtocolPolicy"] = "allow-all"
	}},
	{"TLS", "the bucket answers HTTP", func(m map[string]object) { remove(m, "edge", "AppBucketPolicy") }},
	{"no public bucket", "no block", func(m map[string]object) { delete(resource(m, "data", "AppBucket"), "PublicAccessBlockConfiguration") }},
	{"no public bucket", "everybody's distribution", func(m map[string]object) {
		delete(at(resource(m, "edge", "AppBucketPolicy"), "PolicyDocument", "Statement", 1), "Condition")
	}},
	{"delivery", "any branch of any repository", func(m map[string]object) {
		at(resource(m, "delivery", "DeployRole"), "AssumeRolePolicyDocument", "Statement", 0, "Condition", "StringEquals")["token.actions.githubusercontent.com:sub"] = "repo:*"
	}},
	{"delivery", "a pull request deploys", func(m map[string]object) {
		at(resource(m, "delivery", "DeployRole"), "AssumeRolePolicyDocument", "Statement", 0, "Condition", "StringEquals")["token.actions.githubusercontent.com:sub"] = "repo:wikibot-io/wikibot:pull_request"
	}},
	{"outputs", "the bucket's name is not told", func(m map[string]object) { delete(at(m["wikibot-dev-data"], "Outputs"), "AppBucketName") }},
}

func TestPoliciesSeeMistakes(t *testing.T) {
	original := golden(t, "dev")
	tried := map[string]bool{}
	for _, m := range mistakes {
		t.Run(m.policy+"/"+m.what, func(t *testing.T) {
			tried[m.policy] = true
			broken := map[string]object{}
			for name, text := range original {
				var template object
				if err := json.Unmarshal(text, &template); err != nil {
					t.Fatal(err)
				}
				broken[name] = template
			}
			m.make(broken)
			templates := map[string][]byte{}
			for name, template := range broken {
				text, err := json.Marshal(template)
				if err != nil {
					t.Fatal(err)
				}
				templates[name] = text
			}
			all := check(t, "dev", templates)
			for _, v := range all {
				if v.Policy == m.policy {
					return
				}
			}
			t.Errorf("not seen; others said: %v", all)
		})
	}
	for _, p := range policy.All {
		if !tried[p.Name] {
			t.Errorf("nothing shows that the policy %q can fail", p.Name)
		}
	}
}
