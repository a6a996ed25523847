package rehearsal_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/chaos"
	"wikibot.io/services/rehearsal/visitor"
)

// A consumer that cannot do its work fails often enough, then its event lies in
// the function's queue of failures. When the cause is mended, the operator's
// command brings it back, and what was missing appears.
func TestDeadLettersAreRedriven(t *testing.T) {
	r := start(t)
	v := signUp(t, r, "ada", false)
	settle(t, r)
	if err := r.SetWeather(rehearsal.Weather{DynamoDB: chaos.Rates{Denied: []string{"management"}}}); err != nil {
		t.Fatal(err)
	}
	if a, err := v.Save(t.Context(), "Page", "text"); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("save: %d, %v", a.Status, err)
	}
	settle(t, r)
	const queue = "wikibot-dev-management-failures"
	letters := r.DeadLetters()
	if len(letters) != 1 || len(letters[queue]) != 1 || !strings.Contains(letters[queue][0].Body, "management.activity") {
		t.Fatalf("letters %v, want one of management.activity", letters)
	}
	if err := r.SetWeather(rehearsal.Weather{}); err != nil {
		t.Fatal(err)
	}
	if page := lastActivity(t, v); page != "" {
		t.Fatalf("the dashboard knows of %q already", page)
	}
	redrive(t, r, true, "--queue", r.Queue(queue), "--bus", r.Buses()[0])
	settle(t, r)
	if page := lastActivity(t, v); page != "Page" {
		t.Errorf("the dashboard shows %q as last activity, want what was redriven", page)
	}
	if letters := r.DeadLetters(); len(letters) != 0 {
		t.Errorf("letters are left: %v", letters)
	}
}

// A poison event, which no consumer will ever understand, ends among the dead
// letters of each, stays there when it is redriven by mistake, and holds up
// nothing.
func TestPoisonEventEndsInDeadLetters(t *testing.T) {
	r := start(t)
	v := signUp(t, r, "ada", false)
	settle(t, r)
	bus := r.Buses()[0]
	client := eventbridgetest.Client(r.Bus(bus))
	if _, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: aws.String(bus), Source: aws.String("wikibot"), DetailType: aws.String("page.saved"), Detail: aws.String(`{"no":"event"}`),
	}}}); err != nil {
		t.Fatal(err)
	}
	if a, err := v.Save(t.Context(), "Behind", "text"); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("save: %d, %v", a.Status, err)
	}
	settle(t, r)
	if page := lastActivity(t, v); page != "Behind" {
		t.Errorf("the event behind the poison did not arrive: last activity is %q", page)
	}
	const embedding = "wikibot-dev-embedding-failures"
	want := map[string]int{embedding: 2, "wikibot-dev-management-failures": 1} // one for each subscription
	letters := r.DeadLetters()
	for queue, n := range want {
		if len(letters[queue]) != n {
			t.Errorf("%d letters in %s, want the poison, %d times", len(letters[queue]), queue, n)
		}
	}
	if len(letters) != len(want) {
		t.Errorf("letters in other queues: %v", letters)
	}
	said := redrive(t, r, false, "--queue", r.Queue(embedding), "--bus", bus)
	if !strings.Contains(said, "unreadable") || len(r.DeadLetters()[embedding]) != want[embedding] {
		t.Errorf("redrive said %q, and %d letters are left; want it to leave what it cannot read", said, len(r.DeadLetters()[embedding]))
	}
}

// redrive runs the operator's command.
func redrive(t *testing.T, r *rehearsal.Rehearsal, succeeds bool, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"run", "wikibot.io/services/relay/cmd/redrive"}, args...)...)
	cmd.Env = append(os.Environ(), r.Environment(rehearsal.Operator)...)
	out, err := cmd.CombinedOutput()
	if (err == nil) != succeeds {
		t.Fatalf("redrive %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// lastActivity is the page that the dashboard names, "" if it names none yet.
func lastActivity(t *testing.T, v *visitor.Visitor) string {
	t.Helper()
	a, err := v.Get(t.Context(), v.Root("/api/wikis/"+v.Slug), false)
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("dashboard: %d, %v: %s", a.Status, err, a.Body)
	}
	var out struct {
		Wiki struct {
			LastActivity struct{ Page string } `json:"last_activity"`
		}
	}
	if err := json.Unmarshal(a.Body, &out); err != nil {
		t.Fatal(err)
	}
	return out.Wiki.LastActivity.Page
}
