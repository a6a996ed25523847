package cdk_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/cdk"
)

func TestStagesOfTheRepository(t *testing.T) {
	file, err := os.ReadFile("stages.json")
	if err != nil {
		t.Fatal(err)
	}
	stages, err := cdk.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range stages {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"dev", "prod"}, names); diff != "" {
		t.Error(diff)
	}
}

// changed is stages.json with the stage dev changed. A path is keys with dots
// between; the value nil takes the field away.
func changed(t *testing.T, changes map[string]any) []byte {
	t.Helper()
	file, err := os.ReadFile("stages.json")
	if err != nil {
		t.Fatal(err)
	}
	var stages map[string]any
	if err := json.Unmarshal(file, &stages); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(changes)) {
		at := stages
		keys := strings.Split(path, ".")
		for _, key := range keys[:len(keys)-1] {
			at = at[key].(map[string]any)
		}
		if last := keys[len(keys)-1]; changes[path] == nil {
			delete(at, last)
		} else {
			at[last] = changes[path]
		}
	}
	out, err := json.Marshal(stages)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLoadSaysAllThatIsWrong(t *testing.T) {
	const sum = "9c2b6a4f0e7d1835c4a9e2f6b8d03751ea46c7f90b1d82e3a5f4967c08bd21fe"
	for _, c := range []struct {
		what    string
		changes map[string]any
		want    []string
	}{
		{"missing fields do not become zero", map[string]any{"dev.domain": nil, "dev.edge_key.sent": nil, "dev.flow_logs": nil}, []string{
			"stage dev: domain is missing", "stage dev: edge_key.sent is missing", "stage dev: flow_logs is missing",
		}},
		{"a misspelt field is not ignored, at any depth", map[string]any{"dev.alarm_mail": "x@y.z", "dev.github.repo": "a/b", "prod.functions.wiki.memory": 1}, []string{
			"stage dev: alarm_mail is unknown", "stage dev: github.repo is unknown", "stage prod: functions.wiki.memory is unknown",
		}},
		{"what is written wrong", map[string]any{
			"dev.domain": "https://dev.wikibot.io", "dev.hosted_zone_id": "wikibot.io", "dev.alarm_email": "somebody", "dev.monthly_budget_usd": -1,
			"dev.log_level": "loud", "dev.log_retention_days": 8, "dev.archive_retention_days": 0, "dev.github.repository": "wikibot",
		}, []string{
			`domain: "https://dev.wikibot.io" is no domain`, `hosted_zone_id: "wikibot.io" is no id`, `alarm_email: "somebody" is no address`,
			"monthly_budget_usd: has to be more than 0", `log_level: "loud"`, "log_retention_days: 8", "archive_retention_days", `github.repository: "wikibot"`,
		}},
		{"another type", map[string]any{"dev.log_retention_days": "a week"}, []string{"log_retention_days"}},
		{"a key that functions would refuse", map[string]any{"dev.edge_key.sent": "2027-01"}, []string{`edge_key.sent: "2027-01" has no sum`}},
		{"a key in clear", map[string]any{"dev.edge_key.sums": map[string]any{"2026-11": "hunter2"}}, []string{`edge_key.sums.2026-11: "hunter2" is no SHA-256`}},
		{"three keys", map[string]any{"dev.edge_key.sums": map[string]any{"2026-11": sum, "b": strings.Repeat("b", 64), "c": strings.Repeat("c", 64)}}, []string{"one sum, or two"}},
		{"a stage's key is another's", map[string]any{"prod.edge_key.sums": map[string]any{"2026-11": sum}}, []string{"stages dev and prod have the same edge key"}},
		{"a stage's domain is another's", map[string]any{"prod.domain": "dev.wikibot.io"}, []string{"stages dev and prod have the same domain"}},
		{"a sign-in that asks for no proof", map[string]any{"dev.sign_in.kind": "development"}, []string{`sign_in.kind: "development"`, "sign_in.issuer: only oidc", "sign_in.client_id"}},
		{"an issuer in clear text", map[string]any{"dev.sign_in.issuer": "http://login.example.org"}, []string{`sign_in.issuer: "http://login.example.org" is no https URL`}},
		{"WorkOS without its key", map[string]any{"prod.sign_in.parameter": ""}, []string{"sign_in.parameter: workos needs"}},
		{"a secret in clear", map[string]any{"prod.sign_in.parameter": "sk_live hunter2"}, []string{"sign_in.parameter"}},
		{"trust in whom nobody named", map[string]any{"dev.trusted_issuers": []any{map[string]any{"issuer": "idp.example", "role": "owner"}}}, []string{
			`trusted_issuers.0.issuer: "idp.example"`, `trusted_issuers.0.role: "owner"`,
		}},
		{"half a trusted issuer", map[string]any{"dev.trusted_issuers": []any{map[string]any{"issuer": "https://idp.example"}}}, []string{"trusted_issuers.0.role is missing"}},
		{"prod without protection", map[string]any{"prod.deletion_protection": false}, []string{"stage prod: deletion_protection"}},
		{"a firewall that lets nobody in", map[string]any{"prod.firewall.requests_per_five_minutes": 5}, []string{"firewall.requests", "more sign-ins than requests"}},
		{"a function that there is not", map[string]any{"dev.functions": map[string]any{"billing": map[string]any{"memory_mb": 64}}}, []string{
			`there is no function "billing"`, "functions.billing.memory_mb",
		}},
	} {
		_, err := cdk.Load(changed(t, c.changes))
		if err == nil {
			t.Errorf("%s: no error", c.what)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error does not say %q:\n%v", c.what, want, err)
			}
		}
		if n := strings.Count(err.Error(), "\n"); n > len(c.want)+1 {
			t.Errorf("%s: more is said than is wrong:\n%v", c.what, err)
		}
	}
	if _, err := cdk.Load([]byte(`{}`)); err == nil {
		t.Error("no stage at all is taken")
	}
	if _, err := cdk.Load([]byte(`{"dev": {}} {}`)); err == nil {
		t.Error("what follows is ignored")
	}
}
