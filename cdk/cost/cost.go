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

// Idle reads the templates of one stage, by name of stack. Its error lists every
// resource whose price is not known.
func Idle(templates map[string][]byte) (Bill, error) {
	bill := Bill{Free: map[string]int{}}
	counts := map[string]float64{}
	zones, byHand := map[string]bool{}, map[string]bool{}
	var unknown []error
	for _, stack := range slices.Sorted(maps.Keys(templates)) {
		var t struct {
			Resources map[string]struct {
				Type       string
				Properties struct {
					VpcEndpointType string
					HostedZoneId    string
					Rules           json.RawMessage
				}
			}
		}
		if err := json.Unmarshal(templates[stack], &t); err != nil {
			return Bill{}, fmt.Errorf("price the template of %s: %w", stack, err)
		}
		for _, m := range secretName.FindAllSubmatch(templates[stack], -1) {
			byHand[string(m[1])] = true
		}
		for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
			r := t.Resources[id]
			_, idle := free[r.Type]
			switch {
			case r.Type == "AWS::CloudWatch::Alarm" || r.Type == "AWS::SecretsManager::Secret":
				counts[r.Type]++
			case r.Type == "AWS::WAFv2::WebACL":
				var rules []json.RawMessage
				if err := json.Unmarshal(r.Properties.Rules, &rules); err != nil {
					return Bill{}, fmt.Errorf("price the rules of %s/%s: %w", stack, id, err)
				}
				bill.Firewall = append(bill.Firewall, Line{"web ACL", 1, webACL}, Line{"rules of the web ACL", float64(len(rules)), webACLRule})
			case r.Type == "AWS::EC2::VPCEndpoint" && r.Properties.VpcEndpointType != "Gateway":
				unknown = append(unknown, fmt.Errorf("%s/%s is an endpoint that is paid by the hour", stack, id))
			case idle:
				bill.Free[strings.TrimPrefix(r.Type, "AWS::")]++
			default:
				unknown = append(unknown, fmt.Errorf("%s/%s is an %s, which has no price here", stack, id, r.Type))
			}
			if r.Type == "AWS::Route53::RecordSet" {
				zones[r.Properties.HostedZoneId] = true
			}
		}
	}
	bill.Lines = []Line{
		{"alarms", counts["AWS::CloudWatch::Alarm"], alarm},
		{"secrets", counts["AWS::SecretsManager::Secret"] + float64(len(byHand)), secret},
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
