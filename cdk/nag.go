package cdk

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// excuse is one recommendation of cdk-nag's AwsSolutions that a stack does not
// follow, and why.
type excuse struct {
	stack  string
	rule   string
	only   string // what exactly is excused, where the rule can say it
	unless func(Stage) bool
	reason string
}

func always(Stage) bool { return false }

// excuses is all of them. Whatever else cdk-nag finds fails the tests.
var excuses = []excuse{
	{"network", "AwsSolutions-VPC7", "", func(s Stage) bool { return s.FlowLogs },
		"Nothing in the VPC can be reached from outside, or reach further than DynamoDB, S3 and EFS. Flow logs are switched on in stages.json when somebody has to look."},

	{"data", "AwsSolutions-S1", "", always,
		"The bucket holds what everybody may read, and CloudFront alone reads it. Logs of readers would be a list of addresses that has to be guarded."},
	{"data", "AwsSolutions-S10", "", always,
		"The bucket's policy denies plain connections. It is the edge's, because it names the distribution, and cdk-nag does not look there."},
	{"data", "AwsSolutions-SMG4", "", always,
		"The auth function rotates the keys itself every month, with an overlap that sessions need and Secrets Manager's rotation does not know."},

	{"fleet", "AwsSolutions-IAM5", "Resource::*", always,
		"X-Ray, DynamoDB's ListStreams and the network interfaces of functions in a VPC take no resource. Policy tests allow these actions and no other on *."},
	{"fleet", "AwsSolutions-SQS3", "", always,
		"Every queue here is where failures end, of EventBridge's rules or Lambda's retries. cdk-nag looks only for queues that feed other queues."},

	{"edge", "AwsSolutions-CFR1", "", always,
		"Wikis are read all over the world."},
	{"edge", "AwsSolutions-CFR2", "", func(s Stage) bool { return s.Firewall != nil },
		"This stage does without AWS WAF, which would cost more than all the rest of it while nobody calls."},
	{"edge", "AwsSolutions-CFR3", "", always,
		"Access logs are lists of who read which private page. Functions log each request without addresses; the edge has metrics."},

	{"operations", "AwsSolutions-SNS2", "", always,
		"CloudWatch may only publish to topics that are unencrypted or encrypted with a key of one's own, a dollar a month. Alarms name resources and hold no data."},
	{"operations", "AwsSolutions-IAM4", "", always,
		"AWS Backup needs what its own policies list, which grows with the services that it learns to save."},

	{"delivery", "AwsSolutions-IAM5", "", always,
		"A stack's id is made when it is deployed, so its ARN ends in an asterisk behind a full name of ours; the app's files are all those below app/."},
}

// excuseStack writes the excuses into a stack's template, where cdk-nag and
// readers find them.
func excuseStack(s awscdk.Stack, name string, stage Stage) {
	var list []*cdknag.NagPackSuppression
	for _, e := range excuses {
		if e.stack != name || e.unless(stage) {
			continue
		}
		suppression := &cdknag.NagPackSuppression{Id: str(e.rule), Reason: str(e.reason)}
		if e.only != "" {
			suppression.AppliesTo = &[]any{e.only}
		}
		list = append(list, suppression)
	}
	if len(list) > 0 {
		cdknag.NagSuppressions_AddStackSuppressions(s, &list, nil)
	}
}
