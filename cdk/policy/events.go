package policy

import (
	"fmt"
	"slices"
	"strings"

	"wikibot.io/contracts/subscriptions"
	"wikibot.io/pkg/records/dynamo/tables"
)

// subscribed holds the rules on the bus against the table of subscriptions.
func subscribed(s *Stage) []string {
	var f faults
	taken := map[string]*Resource{}
	for _, rule := range s.of("AWS::Events::Rule") {
		if rule.Props["EventBusName"] == nil {
			continue // a schedule
		}
		targets := objects(rule.Props["Targets"])
		if len(targets) != 1 {
			f.add(rule, "has %d targets", len(targets))
			continue
		}
		row, ok := rowOf(targets[0])
		if !ok {
			f.add(rule, "gives its target something else than {subscription, event}")
			continue
		}
		f.want(taken[row.Name] == nil, rule, "is the second one of %s", row.Name)
		taken[row.Name] = rule
		var types []string
		for _, t := range row.Types {
			types = append(types, string(t))
		}
		slices.Sort(types)
		pattern := child(rule.Props, "EventPattern")
		f.want(same(pattern["source"], []any{"wikibot"}) && slices.Equal(texts(pattern["detail-type"]), types) && len(pattern) == 2,
			rule, "takes %s, and %s is about %v", flat(pattern), row.Name, types)
		fn := s.target(rule.Stack, targets[0]["Arn"])
		f.want(fn != nil && service(fn) == row.Service, rule, "leads to %v, and %s is %s's", fn, row.Name, row.Service)
		f.want(s.invokes(rule, fn), rule, "may not invoke its function")
		checkRetries(&f, s, rule, targets[0])
	}
	for _, row := range subscriptions.Table {
		if taken[row.Name] == nil {
			f = append(f, "there is no rule of "+row.Name)
		}
	}
	return f
}

// rowOf finds the subscription that a target's transformer names.
func rowOf(target object) (subscriptions.Subscription, bool) {
	transformer := child(target, "InputTransformer")
	for _, row := range subscriptions.Table {
		if text(transformer["InputTemplate"]) == fmt.Sprintf(`{"subscription":%q,"event":<event>}`, row.Name) &&
			same(transformer["InputPathsMap"], object{"event": "$.detail"}) {
			return row, true
		}
	}
	return subscriptions.Subscription{}, false
}

// invokes reports whether the rule, and the rule alone, is let in by a permission.
func (s *Stage) invokes(rule, fn *Resource) bool {
	return slices.ContainsFunc(s.of("AWS::Lambda::Permission"), func(p *Resource) bool {
		return p.Props["Principal"] == "events.amazonaws.com" && s.target(p.Stack, p.Props["FunctionName"]) == fn &&
			s.target(p.Stack, p.Props["SourceArn"]) == rule
	})
}

// checkRetries: a rule's target has retries, an end of them, and a queue of its
// own into which this rule alone may put letters.
func checkRetries(f *faults, s *Stage, rule *Resource, target object) {
	retry := child(target, "RetryPolicy")
	f.want(number(retry["MaximumRetryAttempts"]) > 0 && number(retry["MaximumEventAgeInSeconds"]) > 0, rule, "does not retry, or without an end")
	queue := s.target(rule.Stack, child(target, "DeadLetterConfig")["Arn"])
	if queue == nil {
		f.add(rule, "has no queue of dead letters")
		return
	}
	name := fmt.Sprintf("rule/wikibot-%s/%s", s.Name, text(rule.Props["Name"]))
	senders := 0
	for _, p := range s.of("AWS::SQS::QueuePolicy") {
		for _, st := range statements(p) {
			if st.allows() && s.refersTo(p.Stack, st.object["Resource"], queue) {
				senders++
				f.want(strings.HasSuffix(text(child(st.object, "Condition", "ArnEquals", "aws:SourceArn")["Fn::Sub"]), name), rule, "may not put letters into %s", queue)
			}
		}
	}
	f.want(senders == 1, rule, "shares the queue %s with others, or may not use it", queue)
}

func relayed(s *Stage) []string {
	var f faults
	fed := map[*Resource]int{}
	for _, m := range s.of("AWS::Lambda::EventSourceMapping") {
		table := s.target(m.Stack, m.Props["EventSourceArn"])
		fed[table]++
		f.want(m.Props["BisectBatchOnFunctionError"] == true && same(m.Props["FunctionResponseTypes"], []any{"ReportBatchItemFailures"}),
			m, "fails a whole batch for one record")
		f.want(number(m.Props["MaximumRetryAttempts"]) == -1 && number(m.Props["MaximumRecordAgeInSeconds"]) >= 12*3600, m, "gives up early")
		f.want(number(m.Props["ParallelizationFactor"]) == 1, m, "may change the order of one wiki's events")
		f.want(text(m.Props["StartingPosition"]) == "TRIM_HORIZON", m, "begins with the latest record")
	}
	for _, t := range tables.All {
		table := s.byName["data/"+tableID(t.Name)]
		if table == nil {
			continue // see "data is kept"
		}
		want := 0
		if t.Stream {
			want = 1
		}
		f.want(fed[table] == want, table, "feeds the relay %d times, not %d", fed[table], want)
	}
	return f
}

// deadLetters: whatever invokes a function without waiting for it has a queue
// for what failed, and every queue has an alarm.
func deadLetters(s *Stage) []string {
	var f faults
	caught := map[*Resource]bool{}
	for _, c := range s.of("AWS::Lambda::EventInvokeConfig") {
		queue := s.target(c.Stack, child(c.Props, "DestinationConfig", "OnFailure")["Destination"])
		fn := s.target(c.Stack, c.Props["FunctionName"])
		f.want(queue != nil && queue.Type == "AWS::SQS::Queue", c, "forgets what failed")
		f.want(number(c.Props["MaximumRetryAttempts"]) == 2 && number(c.Props["MaximumEventAgeInSeconds"]) >= 3600, c, "does not retry as it should")
		if fn != nil && queue != nil {
			caught[fn] = true
			f.want(s.maySend(fn, queue), fn, "may not put its failures into %s", queue)
		}
	}
	for _, p := range s.of("AWS::Lambda::Permission") {
		if p.Props["Principal"] == "events.amazonaws.com" {
			fn := s.target(p.Stack, p.Props["FunctionName"])
			f.want(caught[fn], p, "invokes %v, whose failures are forgotten", fn)
		}
	}
	for _, m := range s.of("AWS::Lambda::EventSourceMapping") {
		queue := s.target(m.Stack, child(m.Props, "DestinationConfig", "OnFailure")["Destination"])
		fn := s.target(m.Stack, m.Props["FunctionName"])
		f.want(queue != nil && fn != nil && s.maySend(fn, queue), m, "forgets what failed")
	}
	alarms := s.of("AWS::CloudWatch::Alarm")
	for _, queue := range s.of("AWS::SQS::Queue") {
		rings := slices.ContainsFunc(alarms, func(a *Resource) bool {
			return text(a.Props["MetricName"]) == "ApproximateNumberOfMessagesVisible" && number(a.Props["Threshold"]) == 1 && len(list(a.Props["AlarmActions"])) > 0 &&
				same(a.Props["Dimensions"], []any{object{"Name": "QueueName", "Value": queue.Props["QueueName"]}})
		})
		f.want(rings, queue, "has no alarm")
	}
	return f
}

func (s *Stage) maySend(fn, queue *Resource) bool {
	role := s.roleOf(fn)
	return slices.ContainsFunc(statements(role), func(st statement) bool {
		return slices.Contains(texts(st.object["Action"]), "sqs:SendMessage") && s.refersTo(role.Stack, st.object["Resource"], queue)
	})
}

func queuesKeep(s *Stage) []string {
	var f faults
	for _, q := range s.of("AWS::SQS::Queue") {
		f.want(q.Props["SqsManagedSseEnabled"] == true, q, "is not encrypted")
		f.want(number(q.Props["MessageRetentionPeriod"]) == 14*24*3600, q, "forgets letters before 14 days")
		closed := slices.ContainsFunc(s.of("AWS::SQS::QueuePolicy"), func(p *Resource) bool {
			return s.refersTo(p.Stack, p.Props["Queues"], q) && deniesPlain(p)
		})
		f.want(closed, q, "takes letters over plain connections")
	}
	return f
}

// deniesPlain reports whether a resource's policy refuses plain connections.
func deniesPlain(r *Resource) bool {
	return slices.ContainsFunc(statements(r), func(st statement) bool {
		return text(st.object["Effect"]) == "Deny" && child(st.object, "Condition", "Bool")["aws:SecureTransport"] == "false" &&
			same(st.object["Principal"], object{"AWS": "*"})
	})
}
