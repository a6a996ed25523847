package cdk

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"

	"wikibot.io/contracts/subscriptions"
)

// eventSource is the source of every event that the relay publishes.
const eventSource = "wikibot"

// queue keeps what could not be delivered.
type queue struct {
	name     string
	url, arn *string
}

// queue makes a queue of dead letters: encrypted, kept for the 14 days that SQS
// allows at most, closed to plain connections, and open to senders only where a
// statement says so.
func (s stack) queue(id, name string, senders ...statement) queue {
	q := awssqs.NewCfnQueue(s.scope, str(id), &awssqs.CfnQueueProps{
		QueueName: s.name(name), SqsManagedSseEnabled: yes, MessageRetentionPeriod: num(14 * 24 * 3600),
	})
	for _, sender := range senders {
		sender["Resource"] = q.AttrArn()
	}
	awssqs.NewCfnQueuePolicy(s.scope, str(id+"Policy"), &awssqs.CfnQueuePolicyProps{
		Queues:         &[]*string{q.Ref()},
		PolicyDocument: policy(append([]statement{onlyTLS("sqs:*", q.AttrArn())}, senders...)...),
	})
	return queue{*s.name(name), q.Ref(), q.AttrArn()}
}

// subscribe gives the function the events of its subscriptions: per row one
// rule, one target and one queue for what EventBridge could not hand over. (What
// it handed over and the function failed at is in the function's own queue.)
// Rules have names, because the queue has to name the rule before the rule can
// name the queue.
func (b *builder) subscribe(f function, id string, fn awslambda.CfnFunction) {
	for _, row := range subscriptions.Of(f.service) {
		name := title(row.Name)
		ruleARN := sub("arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/" + b.stage.Prefix() + "/" + *b.name(dashed(row.Name)))
		dead := b.queue(name+"DeadLetters", dashed(row.Name)+"-dead-letters",
			statement{"Effect": "Allow", "Action": "sqs:SendMessage"}.to(service("events")).on("ArnEquals", "aws:SourceArn", ruleARN))
		b.fleet.queues = append(b.fleet.queues, dead.name)
		rule := awsevents.NewCfnRule(b.scope, str(name+"Rule"), &awsevents.CfnRuleProps{
			Name: b.name(dashed(row.Name)), Description: str("Subscription " + row.Name),
			EventBusName: b.data.bus.Ref(),
			EventPattern: map[string]any{"source": []string{eventSource}, "detail-type": row.Types},
			Targets: []any{&awsevents.CfnRule_TargetProperty{
				Id: str("function"), Arn: fn.AttrArn(),
				InputTransformer: &awsevents.CfnRule_InputTransformerProperty{
					InputPathsMap: map[string]*string{"event": str("$.detail")},
					InputTemplate: str(fmt.Sprintf(`{"subscription":%q,"event":<event>}`, row.Name)),
				},
				RetryPolicy:      &awsevents.CfnRule_RetryPolicyProperty{MaximumRetryAttempts: num(185), MaximumEventAgeInSeconds: num(24 * 3600)},
				DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: dead.arn},
			}},
		})
		b.invokedBy(name+"Invokes", fn, rule)
	}
}

// schedule runs the function by the clock. Schedules live on the default bus:
// EventBridge has them nowhere else. One that could not be handed over is not
// kept: the next one asks for the same.
func (b *builder) schedule(f function, id string, fn awslambda.CfnFunction) {
	for _, row := range f.schedules {
		if row.issuers && len(b.stage.TrustedIssuers) == 0 {
			continue
		}
		name := id + title(row.name)
		rule := awsevents.NewCfnRule(b.scope, str(name+"Schedule"), &awsevents.CfnRuleProps{
			Description: str("Schedule " + row.name), ScheduleExpression: str(row.every),
			Targets: []any{&awsevents.CfnRule_TargetProperty{
				Id: str("function"), Arn: fn.AttrArn(), Input: str(fmt.Sprintf(`{"schedule":%q}`, row.name)),
				RetryPolicy: &awsevents.CfnRule_RetryPolicyProperty{MaximumRetryAttempts: num(5), MaximumEventAgeInSeconds: num(3600)},
			}},
		})
		b.invokedBy(name+"Invokes", fn, rule)
	}
}

// invokedBy lets one rule, and no other, invoke the function.
func (b *builder) invokedBy(id string, fn awslambda.CfnFunction, rule awsevents.CfnRule) {
	awslambda.NewCfnPermission(b.scope, str(id), &awslambda.CfnPermissionProps{
		FunctionName: fn.AttrArn(), Action: str("lambda:InvokeFunction"),
		Principal: "events.amazonaws.com", SourceArn: rule.AttrArn(),
	})
}

// dashed makes the name of a subscription one that rules and queues may have.
func dashed(name string) string { return strings.ReplaceAll(name, ".", "-") }
