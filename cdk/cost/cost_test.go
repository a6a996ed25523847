package cost_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wikibot.io/cdk/cost"
)

// bar is what an idle stage may cost a month, in dollars, without WAF.
const bar = 5.00

func golden(t *testing.T, stage string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "testdata", "golden", stage, "*.template.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no golden templates of %s: %v", stage, err)
	}
	out := map[string][]byte{}
	for _, file := range files {
		if out[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestIdleStagesCostCents(t *testing.T) {
	for _, stage := range []string{"dev", "prod"} {
		bill, err := cost.Idle(golden(t, stage))
		if err != nil {
			t.Fatal(err)
		}
		total := cost.Total(bill.Lines)
		t.Logf("%s: $%.2f a month, and $%.2f for WAF", stage, total, cost.Total(bill.Firewall))
		if total >= bar {
			t.Errorf("%s costs $%.2f a month while idle, the bar is $%.2f: %+v", stage, total, bar, bill.Lines)
		}
		// Zero would mean that nothing was counted.
		for _, l := range bill.Lines {
			if l.Month() <= 0 {
				t.Errorf("%s: %s cost nothing: %+v", stage, l.What, l)
			}
		}
	}
}

func TestIdleRefusesWhatItCannotPrice(t *testing.T) {
	for kind, properties := range map[string]string{
		"AWS::EC2::NatGateway":         `{}`,
		"AWS::EC2::VPCEndpoint":        `{"VpcEndpointType": "Interface"}`,
		"AWS::KMS::Key":                `{}`,
		"AWS::ElastiCache::Serverless": `{}`,
	} {
		templates := golden(t, "dev")
		templates["more"] = []byte(`{"Resources": {"Thing": {"Type": "` + kind + `", "Properties": ` + properties + `}}}`)
		if _, err := cost.Idle(templates); err == nil || !strings.Contains(err.Error(), "more/Thing") {
			t.Errorf("%s has a price: %v", kind, err)
		}
	}
}
