package cost

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Line is one item of the bill.
type Line struct {
	What  string
	Count float64 // of them, or GB
	Each  float64 // dollars a month
}

// Month is what the item costs a month, in dollars.
func (l Line) Month() float64 { return l.Count * l.Each }

// Bill is what an idle stage costs.
type Bill struct {
	Lines []Line
	// Firewall is the part of AWS WAF, which a stage may do without. It is not in
	// Lines.
	Firewall []Line
	// Free counts the resources that cost nothing while idle, by type.
	Free map[string]int
}

// Total is the sum of lines a month, in dollars.
func Total(lines []Line) float64 {
	var sum float64
	for _, l := range lines {
		sum += l.Month()
	}
	return sum
}

// secretName finds the secrets that templates refer to by name: they were made
// by hand, and are paid all the same.
var secretName = regexp.MustCompile(`\{\{resolve:secretsmanager:([^:}]+):`)

// resource is what of a resource its price depends on.
type resource struct {
	Type       string
	Properties struct {
		VpcEndpointType string
		HostedZoneId    string
		Rules           json.RawMessage // of a web ACL a list, of others anything
	}
}

// Idle reads the templates of one stage, by name of stack. Its error lists every
// resource whose price is not known.
func Idle(templates map[string][]byte) (Bill, error) {
	bill := Bill{Free: map[string]int{}}
	alarms, secrets := 0.0, 0.0
	zones, byHand := map[string]bool{}, map[string]bool{}
	var unknown []error
	for _, stack := range slices.Sorted(maps.Keys(templates)) {
		var t struct{ Resources map[string]resource }
		if err := json.Unmarshal(templates[stack], &t); err != nil {
			return Bill{}, fmt.Errorf("price the template of %s: %w", stack, err)
		}
		for _, m := range secretName.FindAllSubmatch(templates[stack], -1) {
			byHand[string(m[1])] = true
		}
		for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
			r := t.Resources[id]
			switch r.Type {
			case "AWS::CloudWatch::Alarm":
				alarms++
			case "AWS::SecretsManager::Secret":
				secrets++
			default:
				if err := bill.add(r); err != nil {
					unknown = append(unknown, fmt.Errorf("%s/%s: %w", stack, id, err))
				}
			}
			if r.Type == "AWS::Route53::RecordSet" {
				zones[r.Properties.HostedZoneId] = true
			}
		}
	}
	bill.Lines = []Line{
		{"alarms", alarms, alarm},
		{"secrets", secrets + float64(len(byHand)), secret},
		{"hosted zone", float64(len(zones)), zone},
		{"wikis' files, GB", storedFiles, filesGB},
		{"backup of files, GB", storedFiles, filesBackupGB},
		{"tables, GB", storedTables, tableGB + tableRestoreGB + tableBackupGB},
		{"bucket of the app, GB", storedApp, bucketGB},
		{"bucket of the CDK, GB", storedBuilds, bucketGB},
		{"logs, GB", storedLogs, logsGB},
		{"archive of events, GB", storedEvents, eventsGB},
	}
	return bill, errors.Join(unknown...)
}

// add counts a resource that costs nothing while idle, or is part of the
// firewall.
func (b *Bill) add(r resource) error {
	if r.Type == "AWS::WAFv2::WebACL" {
		var rules []json.RawMessage
		if err := json.Unmarshal(r.Properties.Rules, &rules); err != nil {
			return fmt.Errorf("price its rules: %w", err)
		}
		b.Firewall = append(b.Firewall, Line{"web ACL", 1, webACL}, Line{"rules of the web ACL", float64(len(rules)), webACLRule})
		return nil
	}
	if r.Type == "AWS::EC2::VPCEndpoint" && r.Properties.VpcEndpointType != "Gateway" {
		return errors.New("this endpoint is paid by the hour")
	}
	if _, ok := free[r.Type]; !ok {
		return fmt.Errorf("%s has no price here", r.Type)
	}
	b.Free[strings.TrimPrefix(r.Type, "AWS::")]++
	return nil
}
