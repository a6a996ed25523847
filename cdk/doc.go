// Package cdk describes the deployment of the fleet on AWS. Six stacks per
// stage, each one file, each reading the one before:
//
//	stages.json ─ what differs between stages
//	     │
//	 network       a VPC without a way out: EFS, DynamoDB and S3 are all it reaches
//	     │
//	   data        tables, file system, bucket, keys, bus: what must never be lost
//	     │
//	   fleet       one table of functions (functions.go) and what invokes them
//	     │
//	   edge        two CloudFront distributions, built from the table of routes
//	     │
//	 operations    alarms, dashboard, backups, budget
//	     │
//	 delivery      what GitHub may do here
//
// It owns no knowledge that the code has already: routes come from
// contracts/routes, subscriptions from contracts/subscriptions, tables and who
// may do what to them from pkg/records/dynamo/tables.
//
// It never names an account or asks AWS anything while it synthesizes, so that
// the templates are the same on every machine; testdata/golden holds them. Nor
// does it upload the management app: scripts/deploy does, which leaves source
// maps out.
//
// Life of a template: [Load] reads and checks stages.json, [New] draws the
// stacks, the CDK writes the templates, package policy judges them. cmd/synth
// does these in order and fails at the first that is not content.
//
// The resources are the CDK's first level, the one that CloudFormation's own
// reference documents: each property in a template stands in a line here, and
// nothing is in a template that no line asked for.
package cdk
