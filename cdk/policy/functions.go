package policy

import (
	"maps"
	"slices"
	"strings"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/records/dynamo/tables"
)

// fleet is the functions that run our binaries.
func (s *Stage) fleet() []*Resource {
	var out []*Resource
	for _, fn := range s.of("AWS::Lambda::Function") {
		if fn.Stack == "fleet" {
			out = append(out, fn)
		}
	}
	return out
}

func environment(fn *Resource) object { return child(fn.Props, "Environment", "Variables") }

func service(fn *Resource) routes.Service {
	return routes.Service(text(environment(fn)["WIKIBOT_SERVICE"]))
}

// functionsAlike: all services are there once, and run alike.
func functionsAlike(s *Stage) []string {
	var f faults
	seen := map[routes.Service]bool{}
	for _, fn := range s.fleet() {
		f.want(!seen[service(fn)], fn, "is %s, which there is already", service(fn))
		seen[service(fn)] = true
		f.want(text(fn.Props["Runtime"]) == "provided.al2023" && same(fn.Props["Architectures"], []any{"arm64"}), fn, "does not run on provided.al2023, arm64")
		f.want(text(child(fn.Props, "TracingConfig")["Mode"]) == "Active", fn, "is not traced")
		f.want(text(child(fn.Props, "LoggingConfig")["LogFormat"]) == "JSON", fn, "does not log JSON")
		var told []string
		for name := range environment(fn) {
			if strings.HasPrefix(name, "WIKIBOT_TABLE_") {
				told = append(told, name)
			}
		}
		var needs []string
		for name := range tables.Access[service(fn)] {
			needs = append(needs, name.Env())
			table := s.target(fn.Stack, environment(fn)[name.Env()])
			f.want(table != nil && table.ID == tableID(name), fn, "is told a wrong table in %s", name.Env())
		}
		slices.Sort(told)
		slices.Sort(needs)
		f.want(slices.Equal(told, needs), fn, "is told %v and needs %v", told, needs)
	}
	want := []routes.Service{routes.Auth, routes.Management, routes.Wiki, routes.MCP, routes.GitHTTP, routes.Embedding, routes.Relay}
	for _, name := range want {
		if !seen[name] {
			f = append(f, "there is no function of "+string(name))
		}
	}
	if len(seen) > len(want) {
		f = append(f, "there are functions of nobody")
	}
	return f
}

func noSecretInVPC(s *Stage) []string {
	var f faults
	for _, fn := range s.of("AWS::Lambda::Function") {
		if fn.Props["VpcConfig"] == nil {
			continue
		}
		for name, value := range environment(fn) {
			at := s.target(fn.Stack, value)
			secret := strings.Contains(flat(value), "resolve:") || strings.Contains(name, "SECRET") || at != nil && at.Type == "AWS::SecretsManager::Secret"
			f.want(!secret, fn, "is told a secret in %s", name)
		}
		for _, st := range grants(s.roleOf(fn)) {
			for _, action := range texts(st.object["Action"]) {
				for _, of := range []string{"secretsmanager:", "ssm:", "kms:", "sts:", "iam:"} {
					f.want(!strings.HasPrefix(action, of), fn, "may %s", action)
				}
			}
		}
	}
	return f
}

func keysAreAuths(s *Stage) []string {
	var f faults
	for _, fn := range s.fleet() {
		may := strings.Contains(flat(s.roleOf(fn).Props), "secretsmanager:")
		told := environment(fn)["WIKIBOT_KEYS_SECRET"] != nil
		f.want(may == (service(fn) == routes.Auth) && told == may, fn, "is told the keys: %v; may read them: %v", told, may)
	}
	return f
}

func signInAsksForProof(s *Stage) []string {
	var f faults
	for _, fn := range s.fleet() {
		value, told := environment(fn)["WIKIBOT_SIGN_IN"]
		f.want(!told || slices.Contains([]any{"oidc", "workos", "none"}, value), fn, "signs people in by %v", value)
		f.want(told == (service(fn) == routes.Auth), fn, "is told of signing in: %v", told)
		may := strings.Contains(flat(s.roleOf(fn).Props), "ssm:")
		f.want(!may || service(fn) == routes.Auth, fn, "may read the secret at the identity provider")
		_, parameter := environment(fn)["WIKIBOT_SIGN_IN_PARAMETER"]
		f.want(may == parameter, fn, "is told of the secret at the identity provider: %v; may read it: %v", parameter, may)
	}
	return f
}

// logsEnd: every group ends, and every function logs into one, unless its role
// lets it write none at all.
func logsEnd(s *Stage) []string {
	var f faults
	for _, r := range s.of("AWS::Logs::LogGroup") {
		f.want(number(r.Props["RetentionInDays"]) > 0, r, "keeps logs for ever")
	}
	for _, fn := range s.of("AWS::Lambda::Function") {
		group := s.target(fn.Stack, child(fn.Props, "LoggingConfig")["LogGroup"])
		writes := strings.Contains(flat(s.roleOf(fn).Props), "logs:")
		f.want(group != nil || !writes, fn, "logs into a group that Lambda makes, which never ends")
	}
	return f
}

func functionURLs(s *Stage) []string {
	var f faults
	answering := map[routes.Service]bool{}
	for _, r := range routes.Table {
		answering[r.Service] = r.Service != routes.App
	}
	permissions := s.of("AWS::Lambda::Permission")
	for _, url := range s.of("AWS::Lambda::Url") {
		fn := s.target(url.Stack, url.Props["TargetFunctionArn"])
		if fn == nil {
			f.add(url, "is of no function")
			continue
		}
		answering[service(fn)] = false
		f.want(text(url.Props["AuthType"]) == "NONE" && text(url.Props["InvokeMode"]) == "RESPONSE_STREAM", url, "is not open and streaming")
		f.want(url.Props["Cors"] == nil, url, "has CORS")
		f.want(text(environment(fn)["WIKIBOT_EDGE_KEYS"]) != "", fn, "would answer anybody")
		granted := map[string]bool{}
		for _, p := range permissions {
			if s.target(p.Stack, p.Props["FunctionName"]) == fn && p.Props["Principal"] == "*" {
				granted[text(p.Props["Action"])] = p.Props["FunctionUrlAuthType"] == "NONE" || p.Props["InvokedViaFunctionUrl"] == true
			}
		}
		want := map[string]bool{"lambda:InvokeFunctionUrl": true, "lambda:InvokeFunction": true}
		f.want(maps.Equal(granted, want), url, "cannot be called, or its function can be called otherwise: %v", granted)
	}
	for name, missing := range answering {
		if missing {
			f = append(f, "there is no URL of "+string(name))
		}
	}
	return f
}
