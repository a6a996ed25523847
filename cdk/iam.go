package cdk

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
)

// statement is one statement of an IAM policy, as IAM spells it.
type statement map[string]any

// allow permits exact actions on exact resources.
func allow(actions []string, resources ...*string) statement {
	return statement{"Effect": "Allow", "Action": actions, "Resource": resources}
}

// on narrows a statement by a condition.
func (s statement) on(operator, key string, value any) statement {
	s["Condition"] = map[string]any{operator: map[string]any{key: value}}
	return s
}

// to names who a resource's policy is about.
func (s statement) to(principal any) statement {
	s["Principal"] = principal
	return s
}

func service(name string) map[string]any { return map[string]any{"Service": name + ".amazonaws.com"} }

// everyone is what a statement is about that denies.
var everyone = map[string]any{"AWS": "*"}

// onlyTLS denies everything that comes over a plain connection.
func onlyTLS(action string, resources ...*string) statement {
	return statement{
		"Effect": "Deny", "Principal": everyone, "Action": action, "Resource": resources,
		"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
	}
}

// policy is a policy document.
func policy(statements ...statement) map[string]any {
	list := make([]any, len(statements))
	for i, s := range statements {
		list[i] = map[string]any(s)
	}
	return map[string]any{"Version": "2012-10-17", "Statement": list}
}

// role makes a role that the services may take on, with one inline policy.
func (s stack) role(id, description string, trust statement, may ...statement) awsiam.CfnRole {
	props := &awsiam.CfnRoleProps{Description: str(description), AssumeRolePolicyDocument: policy(trust)}
	if len(may) > 0 {
		props.Policies = []any{&awsiam.CfnRole_PolicyProperty{PolicyName: str("may"), PolicyDocument: policy(may...)}}
	}
	return awsiam.NewCfnRole(s.scope, str(id), props)
}

// assumedBy is the trust of roles that AWS services take on.
func assumedBy(services ...string) statement {
	names := make([]string, len(services))
	for i, name := range services {
		names[i] = name + ".amazonaws.com"
	}
	return statement{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": names}}
}
