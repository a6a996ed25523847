package rehearsal

import (
	"errors"
	"fmt"
	"strings"

	"wikibot.io/services/rehearsal/iam"
	"wikibot.io/services/rehearsal/template"
)

// roles gathers what each role may do, by the role's ARN. What policies of AWS's
// own would add is left out: the fleet is not to need it for anything rehearsed.
func roles(d *template.Deployment) (map[string]iam.Policy, error) {
	may := map[string]iam.Policy{}
	var wrong []error
	add := func(r template.Resource, role string, document any) {
		p, err := iam.Parse(document)
		if err == nil {
			err = judgeable(p)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", r.Path(), err))
		}
		may[role] = append(may[role], p...)
	}
	for _, r := range d.Resources("AWS::IAM::Role") {
		var role struct {
			Policies []struct{ PolicyDocument any }
		}
		if err := r.Decode(&role); err != nil {
			wrong = append(wrong, err)
		}
		for _, p := range role.Policies {
			add(r, r.ARN(), p.PolicyDocument)
		}
	}
	for _, typ := range []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"} {
		for _, r := range d.Resources(typ) {
			var policy struct {
				PolicyDocument any
				Roles          []string
			}
			if err := r.Decode(&policy); err != nil {
				wrong = append(wrong, err)
			}
			for _, name := range policy.Roles {
				role, ok := d.Find(name)
				if !ok {
					wrong = append(wrong, fmt.Errorf("%s: there is no role %s", r.Path(), name))
					continue
				}
				add(r, role.ARN(), policy.PolicyDocument)
			}
		}
	}
	return may, errors.Join(wrong...)
}

// judged are the services whose calls pass the rehearsal's door.
var judged = []string{"dynamodb:", "events:", "sqs:", "secretsmanager:"}

// judgeable refuses conditions on calls that pass the door: it gives no keys, so
// they would be decided by guessing.
func judgeable(p iam.Policy) error {
	for _, s := range p {
		if len(s.Conditions) == 0 {
			continue
		}
		for _, action := range s.Actions {
			for _, prefix := range judged {
				if strings.HasPrefix(strings.ToLower(action), prefix) {
					return fmt.Errorf("the condition %s of a statement about %s cannot be judged here", s.Conditions[0].Key, action)
				}
			}
		}
	}
	return nil
}
