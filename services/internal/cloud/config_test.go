package cloud

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/records/dynamo/tables"
)

const goodSum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

// good is an environment with which every service starts.
func good(t *testing.T, s routes.Service) map[string]string {
	t.Helper()
	e := map[string]string{
		"WIKIBOT_SERVICE": string(s), "WIKIBOT_BASE_URL": "https://wikibot.io", "WIKIBOT_EDGE_KEYS": goodSum + "," + goodSum,
		"WIKIBOT_DATA": t.TempDir(), "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
		"WIKIBOT_BUS": "bus", "WIKIBOT_DEAD_LETTERS": "https://sqs.us-east-1.amazonaws.com/000000000000/dead",
	}
	if s == routes.Auth {
		e["WIKIBOT_SIGN_IN"], e["WIKIBOT_KEYS_SECRET"] = "none", "arn:aws:secretsmanager:us-east-1:000000000000:secret:keys"
	}
	for _, table := range tables.All {
		e[table.Name.Env()] = "Data-" + string(table.Name)
	}
	return e
}

func TestEveryServiceStarts(t *testing.T) {
	for s := range needsOf {
		c, err := load(s, good(t, s))
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if len(c.Tables) != len(tables.Access[s]) {
			t.Errorf("%s: tables %v, want those that it has access to: %v", s, c.Tables, tables.Access[s])
		}
		if c.LogLevel != slog.LevelInfo {
			t.Errorf("%s: log level %v", s, c.LogLevel)
		}
	}
}

// Whoever deploys sees everything that is wrong at once.
func TestEverythingWrongIsListed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why     string
		service routes.Service
		change  map[string]string // "" takes the variable away
		want    []string          // the beginning of each line
	}{
		{"nothing is there", routes.Wiki, nil, []string{
			"AWS_ACCESS_KEY_ID: is missing", "AWS_REGION: is missing", "AWS_SECRET_ACCESS_KEY: is missing",
			"WIKIBOT_BASE_URL: is missing", "WIKIBOT_DATA: is missing", "WIKIBOT_EDGE_KEYS: there is no key", `WIKIBOT_SERVICE: is ""`,
			"WIKIBOT_TABLE_GRANTS: is missing", "WIKIBOT_TABLE_IDEMPOTENCY: is missing", "WIKIBOT_TABLE_KEYS: is missing", "WIKIBOT_TABLE_NAMES: is missing",
			"WIKIBOT_TABLE_SESSIONS: is missing", "WIKIBOT_TABLE_TOKENS: is missing", "WIKIBOT_TABLE_USERS: is missing", "WIKIBOT_TABLE_WIKIS: is missing",
		}},
		{"nothing is there for the one without an address", routes.Relay, nil, []string{
			"AWS_ACCESS_KEY_ID: is missing", "AWS_REGION: is missing", "AWS_SECRET_ACCESS_KEY: is missing",
			"WIKIBOT_BUS: is missing", "WIKIBOT_DEAD_LETTERS: is missing", `WIKIBOT_SERVICE: is ""`,
		}},
		{"the sign-in that asks for no proof, where strangers are", routes.Auth, map[string]string{"WIKIBOT_SIGN_IN": "development"},
			[]string{`WIKIBOT_SIGN_IN: "development" takes anybody at their word`}},
		{"a host that only looks local", routes.Auth, map[string]string{"WIKIBOT_SIGN_IN": "development", "WIKIBOT_BASE_URL": "https://localhost.wikibot.io"},
			[]string{`WIKIBOT_SIGN_IN: "development" takes anybody at their word`}},
		{"a sign-in that there is not", routes.Auth, map[string]string{"WIKIBOT_SIGN_IN": "password"}, []string{`WIKIBOT_SIGN_IN: is "password"`}},
		{"an issuer without its name", routes.Auth, map[string]string{"WIKIBOT_SIGN_IN": "oidc", "WIKIBOT_SIGN_IN_ISSUER": "login"},
			[]string{"WIKIBOT_SIGN_IN_CLIENT: is missing", `WIKIBOT_SIGN_IN_ISSUER: "login" is no URL`}},
		{"WorkOS without its key", routes.Auth, map[string]string{"WIKIBOT_SIGN_IN": "workos", "WIKIBOT_SIGN_IN_CLIENT": "client_1"},
			[]string{"WIKIBOT_SIGN_IN_PARAMETER: is missing"}},
		{"trust in who is no issuer", routes.MCP, map[string]string{"WIKIBOT_TRUSTED_ISSUERS": `[{"issuer":"http://idp.example","role":"editor"}]`},
			[]string{`WIKIBOT_TRUSTED_ISSUERS: "http://idp.example" is no https URL`}},
		{"trust without bounds", routes.MCP, map[string]string{"WIKIBOT_TRUSTED_ISSUERS": `[{"issuer":"https://idp.example","role":"owner"}]`},
			[]string{`WIKIBOT_TRUSTED_ISSUERS: the role "owner" of https://idp.example is none of viewer, editor`}},
		{"trust in words", routes.Auth, map[string]string{"WIKIBOT_TRUSTED_ISSUERS": "https://idp.example"}, []string{"WIKIBOT_TRUSTED_ISSUERS: it is no JSON array of issuers"}},
		{"trust where nobody asks", routes.Wiki, map[string]string{"WIKIBOT_TRUSTED_ISSUERS": `[{"issuer":"https://idp.example","role":"viewer"}]`},
			[]string{"WIKIBOT_TRUSTED_ISSUERS: is for auth and mcp alone"}},
		{"no sign-in chosen", routes.Auth, map[string]string{"WIKIBOT_SIGN_IN": "", "WIKIBOT_KEYS_SECRET": ""},
			[]string{"WIKIBOT_KEYS_SECRET: is missing", `WIKIBOT_SIGN_IN: is ""`}},
		{"the private keys where they must not be", routes.Wiki, map[string]string{"WIKIBOT_KEYS_SECRET": "arn:x"}, []string{"WIKIBOT_KEYS_SECRET: is for auth alone"}},
		{"a base URL with a path", routes.Wiki, map[string]string{"WIKIBOT_BASE_URL": "https://wikibot.io/x"}, []string{"WIKIBOT_BASE_URL: base URL"}},
		{"no https", routes.Wiki, map[string]string{"WIKIBOT_BASE_URL": "http://wikibot.io"}, []string{"WIKIBOT_BASE_URL: \"http://wikibot.io\": browsers"}},
		{"sums that are none", routes.Wiki, map[string]string{"WIKIBOT_EDGE_KEYS": goodSum + ",plain-key," + goodSum[:62]},
			[]string{"WIKIBOT_EDGE_KEYS: key 2 is no SHA-256 sum of 64 hex digits; key 3 is no SHA-256 sum"}},
		{"the file system is not there", routes.GitHTTP, map[string]string{"WIKIBOT_DATA": "/nonexistent/mnt"}, []string{"WIKIBOT_DATA: the file system is not mounted"}},
		{"it is a file", routes.Embedding, map[string]string{"WIKIBOT_DATA": file}, []string{"WIKIBOT_DATA: "}},
		{"paths that depend on where one stands", routes.Wiki, map[string]string{"WIKIBOT_SCRATCH": "tmp"}, []string{"WIKIBOT_SCRATCH: \"tmp\" is no absolute path"}},
		{"the service of another binary", routes.MCP, map[string]string{"WIKIBOT_SERVICE": "wiki"}, []string{`WIKIBOT_SERVICE: is "wiki", but this binary is "mcp"`}},
		{"a level and an endpoint that are none", routes.Management, map[string]string{"WIKIBOT_LOG_LEVEL": "loud", "AWS_ENDPOINT_URL_DYNAMODB": "localhost:8000"},
			[]string{"AWS_ENDPOINT_URL_DYNAMODB: \"localhost:8000\" is no URL", "WIKIBOT_LOG_LEVEL: "}},
		{"a queue's name instead of its address", routes.Relay, map[string]string{"WIKIBOT_DEAD_LETTERS": "dead"}, []string{"WIKIBOT_DEAD_LETTERS: \"dead\" is no URL"}},
	} {
		e := map[string]string{}
		if c.change != nil {
			e = good(t, c.service)
		}
		for name, v := range c.change {
			e[name] = v
		}
		_, err := load(c.service, e)
		var got []string
		if err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		for i := range min(len(got), len(c.want)) {
			if strings.HasPrefix(got[i], c.want[i]) {
				got[i] = c.want[i]
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
}

// Scratch in the shared file system would be swept by other processes.
func TestScratchIsNotShared(t *testing.T) {
	e := good(t, routes.Wiki)
	e["WIKIBOT_SCRATCH"] = filepath.Join(e["WIKIBOT_DATA"], "scratch")
	if _, err := load(routes.Wiki, e); err == nil || !strings.Contains(err.Error(), "all functions share") {
		t.Errorf("got %v", err)
	}
}

// No value of a variable that may hold a secret is in an error: it is logged.
func TestErrorsShowNoSecret(t *testing.T) {
	e := good(t, routes.Wiki)
	e["WIKIBOT_EDGE_KEYS"], e["WIKIBOT_KEYS_SECRET"], e["AWS_REGION"] = "the-plain-key", "hunter2", ""
	_, err := load(routes.Wiki, e)
	if err == nil || strings.Contains(err.Error(), "the-plain-key") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
