package rehearsal_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wikibot.io/services/rehearsal"
)

// resource is a resource as a template holds it.
type resource = map[string]any

// What would fail on the day of the deployment, or silently ever after, fails
// here before a function runs, and all of it at once.
func TestBrokenTemplatesAreRefusedWithEveryProblem(t *testing.T) {
	for _, c := range []struct {
		why    string
		change func(map[string]resource)
		want   []string
	}{
		{"rules that nobody may carry out", func(rs map[string]resource) {
			each(rs, "AWS::Lambda::Permission", func(id string, p map[string]any) {
				if p["Principal"] == "events.amazonaws.com" {
					delete(rs, id)
				}
			})
		}, []string{"no permission lets events.amazonaws.com invoke", "ManagementActivityRule", "EmbeddingIndexRule"}},
		{"URLs that take one permission of two", func(rs map[string]resource) {
			each(rs, "AWS::Lambda::Permission", func(id string, p map[string]any) {
				if p["InvokedViaFunctionUrl"] == true {
					delete(rs, id)
				}
			})
		}, []string{"a permission for lambda:InvokeFunction is missing"}},
		{"queues that EventBridge may not bury in", func(rs map[string]resource) {
			each(rs, "AWS::SQS::QueuePolicy", func(id string, _ map[string]any) { delete(rs, id) })
		}, []string{"does not let events.amazonaws.com send", "WikiBootstrapDeadLetters", "WikiRemovalDeadLetters"}},
		{"a role that may not read the stream that feeds its function", func(rs map[string]resource) {
			each(rs, "AWS::IAM::Role", func(id string, p map[string]any) {
				if id == "RelayRole" {
					delete(p, "Policies")
				}
			})
		}, []string{"dynamodb:GetRecords", "dynamodb:ListStreams"}},
		{"a function that is not built like that", func(rs map[string]resource) {
			each(rs, "AWS::Lambda::Function", func(id string, p map[string]any) {
				if id == "WikiFunction" {
					p["Architectures"] = []any{"x86_64"}
				}
			})
		}, []string{"WikiFunction", "arm64"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			o := options(&tail{})
			o.Templates = broken(t, c.change)
			r, err := rehearsal.Start(t.Context(), o)
			if err == nil {
				_ = r.Close()
				t.Fatal("it was brought up")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not tell of %q", err, want)
				}
			}
		})
	}
}

func each(rs map[string]resource, typ string, do func(id string, properties map[string]any)) {
	for id, r := range rs {
		if r["Type"] == typ {
			properties, _ := r["Properties"].(map[string]any)
			do(id, properties)
		}
	}
}

// broken copies the golden templates with a change to their resources.
func broken(t *testing.T, change func(map[string]resource)) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join(repository, rehearsal.Templates, "*.template.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("templates: %v, %v", files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var whole map[string]any
		if err := json.Unmarshal(raw, &whole); err != nil {
			t.Fatal(err)
		}
		rs := map[string]resource{}
		for id, r := range whole["Resources"].(map[string]any) {
			rs[id] = r.(map[string]any)
		}
		change(rs)
		whole["Resources"] = rs
		if raw, err = json.Marshal(whole); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
