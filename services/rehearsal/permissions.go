package rehearsal

import (
	"errors"
	"fmt"
	"maps"

	"wikibot.io/services/rehearsal/iam"
	"wikibot.io/services/rehearsal/template"
)

// byARN finds a function of the fleet by anything that it is called.
func (r *Rehearsal) byARN(ref string) (*Function, bool) {
	res, ok := r.deployment.Find(ref)
	if !ok || res.Type != "AWS::Lambda::Function" {
		return nil, false
	}
	for _, f := range r.functions {
		if f.resource.Path() == res.Path() {
			return f, true
		}
	}
	return nil, false
}

// permitted returns an error unless a permission of the templates lets the
// service invoke the function on behalf of source.
func (r *Rehearsal) permitted(f *Function, service, source string) error {
	for _, p := range r.deployment.Resources("AWS::Lambda::Permission") {
		var d struct{ Action, FunctionName, Principal, SourceArn string }
		if err := p.Decode(&d); err != nil {
			return err
		}
		to, ok := r.byARN(d.FunctionName)
		if ok && to == f && d.Action == "lambda:InvokeFunction" && d.Principal == service && (d.SourceArn == "" || d.SourceArn == source) {
			return nil
		}
	}
	return fmt.Errorf("no permission lets %s invoke %s for %s", service, f.resource.Path(), source)
}

// public returns an error unless anybody may call the function's URL: that takes
// two permissions.
func (r *Rehearsal) public(f *Function) error {
	missing := map[string]bool{"lambda:InvokeFunctionUrl": true, "lambda:InvokeFunction": true}
	for _, p := range r.deployment.Resources("AWS::Lambda::Permission") {
		var d struct {
			Action, FunctionName, Principal string
			FunctionURLAuthType             string `json:"FunctionUrlAuthType"`
			InvokedViaFunctionURL           bool   `json:"InvokedViaFunctionUrl"`
		}
		if err := p.Decode(&d); err != nil {
			return err
		}
		if to, ok := r.byARN(d.FunctionName); !ok || to != f || d.Principal != "*" {
			continue
		}
		switch {
		case d.Action == "lambda:InvokeFunctionUrl" && d.FunctionURLAuthType == "NONE":
			delete(missing, d.Action)
		case d.Action == "lambda:InvokeFunction" && d.InvokedViaFunctionURL:
			delete(missing, d.Action)
		case d.Action == "lambda:InvokeFunction":
			return fmt.Errorf("%s lets anybody on the internet invoke %s, not only by its URL", p.Path(), f.resource.Path())
		}
	}
	for action := range missing {
		return fmt.Errorf("nobody may call the URL of %s: a permission for %s is missing", f.resource.Path(), action)
	}
	return nil
}

// queueTakes returns an error unless the queue's policy lets the service send to
// it on behalf of source.
func (r *Rehearsal) queueTakes(queue, service, source string) error {
	of, _ := r.deployment.Find(queue)
	for _, p := range r.deployment.Resources("AWS::SQS::QueuePolicy") {
		var d struct {
			Queues         []string
			PolicyDocument struct{ Statement []map[string]any }
		}
		if err := p.Decode(&d); err != nil {
			return err
		}
		for _, url := range d.Queues {
			if q, ok := r.deployment.Find(url); !ok || q.Path() != of.Path() {
				continue
			}
			if sends(d.PolicyDocument.Statement, of, service, source) {
				return nil
			}
		}
	}
	return fmt.Errorf("the policy of %s does not let %s send to it for %s", of.Path(), service, source)
}

// sends judges the statements that are about the service.
func sends(statements []map[string]any, queue template.Resource, service, source string) bool {
	policy, err := statementsAbout(statements, service)
	return err == nil && policy.Decide(iam.Request{Action: "sqs:SendMessage", Resource: queue.ARN(), Keys: map[string][]string{
		"aws:SourceArn": {source}, "aws:SecureTransport": {"true"},
	}}) == nil
}

// statementsAbout are the statements of a resource's policy whose principal takes
// the service in, or everybody.
func statementsAbout(statements []map[string]any, service string) (iam.Policy, error) {
	var about []any
	for _, s := range statements {
		if !principal(s["Principal"], service) {
			continue
		}
		own := maps.Clone(s)
		delete(own, "Principal")
		about = append(about, own)
	}
	return iam.Parse(map[string]any{"Statement": about})
}

// network is what functions in the VPC reach: what the policies of its endpoints
// allow. There is one VPC, so nothing is asked about which.
func network(d *template.Deployment) (*iam.Policy, error) {
	var through iam.Policy
	var wrong []error
	for _, e := range d.Resources("AWS::EC2::VPCEndpoint") {
		var v struct {
			PolicyDocument *struct{ Statement []map[string]any }
			ServiceName    string
		}
		if err := e.Decode(&v); err != nil {
			wrong = append(wrong, err)
			continue
		}
		if v.PolicyDocument == nil {
			wrong = append(wrong, fmt.Errorf("%s lets everything through to %s: it has no policy", e.Path(), v.ServiceName))
			continue
		}
		policy, err := statementsAbout(v.PolicyDocument.Statement, "")
		if err == nil {
			err = judgeable(policy)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", e.Path(), err))
		}
		through = append(through, policy...)
	}
	return &through, errors.Join(wrong...)
}

// principal reports whether a statement's principal takes in an AWS service.
func principal(p any, service string) bool {
	switch p := p.(type) {
	case string:
		return p == "*"
	case map[string]any:
		if p["AWS"] == "*" {
			return true
		}
		switch names := p["Service"].(type) {
		case string:
			return names == service
		case []any:
			for _, n := range names {
				if n == service {
					return true
				}
			}
		}
	}
	return false
}

// readsStream returns an error unless the role may do what Lambda does to a
// stream in its name.
func readsStream(policy iam.Policy, stream string) error {
	var wrong []error
	for _, action := range []string{"DescribeStream", "GetRecords", "GetShardIterator"} {
		wrong = append(wrong, policy.Decide(iam.Request{Action: "dynamodb:" + action, Resource: stream}))
	}
	if err := policy.Decide(iam.Request{Action: "dynamodb:ListStreams", Resource: "*"}); err != nil {
		// Lambda asks for it on the stream or on everything, as policies have it.
		if policy.Decide(iam.Request{Action: "dynamodb:ListStreams", Resource: stream}) != nil {
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}
