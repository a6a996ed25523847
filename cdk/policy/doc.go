// Package policy judges the templates of a stage: it holds them to what the
// design promises, in terms of CloudFormation, without knowing how they were
// written.
//
// It reads templates and the fleet's own tables (routes, subscriptions, access
// to tables); it never calls AWS or the CDK, so it judges golden files within
// milliseconds. It does not repeat what cdk-nag checks in general.
//
// Life of a judgement: [Read] parses the templates of one stage, [Check] asks
// every policy, and each answers with sentences that name the resource at fault.
package policy
