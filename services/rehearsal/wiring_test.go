package rehearsal_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/routes"
	"wikibot.io/contracts/subscriptions"
	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/template"
)

// wire is what becomes of one row of the table of subscriptions.
type wire struct {
	Service     string
	Types       []string
	Template    string
	Retries     bool
	DeadLetters bool
}

// Every row of the table has its rule, target, transformer and queue, and no
// other rule takes the fleet's events.
func TestRulesAreTheTableOfSubscriptions(t *testing.T) {
	d, err := template.Load(repository+"/"+rehearsal.Templates, template.Options{Secret: func(string, string) (string, error) { return "secret", nil }})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]wire{}
	for _, row := range subscriptions.Table {
		w := wire{Service: string(row.Service), Template: `{"subscription":"` + row.Name + `","event":<event>}`, Retries: true, DeadLetters: true}
		for _, typ := range row.Types {
			w.Types = append(w.Types, string(typ))
		}
		want[row.Name] = w
	}
	got := map[string]wire{}
	for _, r := range d.Resources("AWS::Events::Rule") {
		var rule struct {
			EventPattern *struct {
				Source []string
				Types  []string `json:"detail-type"`
			}
			Targets []struct {
				Arn              string
				InputTransformer struct {
					InputPathsMap map[string]string
					InputTemplate string
				}
				RetryPolicy      any
				DeadLetterConfig any
			}
		}
		if err := r.Decode(&rule); err != nil {
			t.Fatal(err)
		}
		if rule.EventPattern == nil || !cmp.Equal(rule.EventPattern.Source, []string{"wikibot"}) {
			continue // a schedule, or an alarm about AWS itself
		}
		for _, target := range rule.Targets {
			in := target.InputTransformer
			var means struct{ Subscription string }
			if err := json.Unmarshal([]byte(replaced(in.InputTemplate)), &means); err != nil {
				t.Errorf("%s: template %q: %v", r.Path(), in.InputTemplate, err)
			}
			if diff := cmp.Diff(map[string]string{"event": "$.detail"}, in.InputPathsMap); diff != "" {
				t.Errorf("%s: %s", r.Path(), diff)
			}
			got[means.Subscription] = wire{serviceOf(t, d, target.Arn), rule.EventPattern.Types, in.InputTemplate, target.RetryPolicy != nil, target.DeadLetterConfig != nil}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wiring (-table +templates)\n%s", diff)
	}
}

// replaced puts some JSON where the event will be.
func replaced(tmpl string) string { return strings.Replace(tmpl, "<event>", "{}", 1) }

func serviceOf(t *testing.T, d *template.Deployment, arn string) string {
	t.Helper()
	f, ok := d.Find(arn)
	if !ok {
		t.Fatalf("there is no function %s", arn)
	}
	var v struct {
		Environment struct{ Variables map[string]string }
	}
	if err := f.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v.Environment.Variables["WIKIBOT_SERVICE"]
}

// Every service that answers requests or events has a function, and nobody else.
func TestFunctionsAreTheServices(t *testing.T) {
	r := start(t)
	want := map[string]bool{string(routes.Relay): true}
	for _, row := range routes.Table {
		if row.Service != routes.App {
			want[string(row.Service)] = true
		}
	}
	for _, row := range subscriptions.Table {
		want[string(row.Service)] = true
	}
	got := map[string]bool{}
	for _, f := range r.Functions() {
		got[f.Service] = true
		if f.Memory == 0 || f.Timeout == 0 {
			t.Errorf("%s: %d MB, %v", f.Service, f.Memory, f.Timeout)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("functions (-tables +templates)\n%s", diff)
	}
}
