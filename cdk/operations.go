package cdk

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbackup"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/records/dynamo/tables"
)

func newOperations(s stack, d data, f fleet, e edge) {
	topic := awssns.NewCfnTopic(s.scope, str("Alarms"), &awssns.CfnTopicProps{
		TopicName:    s.name("alarms"),
		Subscription: []any{&awssns.CfnTopic_SubscriptionProperty{Protocol: str("email"), Endpoint: str(s.stage.AlarmEmail)}},
	})
	awssns.NewCfnTopicPolicy(s.scope, str("AlarmsPolicy"), &awssns.CfnTopicPolicyProps{
		Topics: &[]*string{topic.Ref()},
		PolicyDocument: policy(
			onlyTLS("sns:Publish", topic.Ref()),
			allow([]string{"sns:Publish"}, topic.Ref()).to(service("cloudwatch")).on("StringEquals", "aws:SourceAccount", awscdk.Aws_ACCOUNT_ID()),
		),
	})
	bell := bell{s, topic.Ref()}
	bell.deadLetters(f)
	bell.functions()
	bell.data(d)
	bell.edge(e)
	s.dashboard(d, f, e)
	s.backups(d)
	s.budget()
	s.output("AlarmsTopicArn", "Who subscribes to it hears of alarms", topic.Ref())
}

// bell makes alarms that ring one topic.
type bell struct {
	stack
	topic *string
}

// metric is a figure that CloudWatch has.
type metric struct {
	space, name string
	dimensions  [][2]any // name and value, a string or a token
	statistic   string   // "Sum", "Maximum", "p99"
}

// alarm rings when the metric is at or above limit in each of so many periods
// of five minutes. Silence is good news: most of these metrics are only sent
// when something happens. CloudWatch bills every one, see package cost.
func (b bell) alarm(id, name, what string, m metric, limit float64, periods float64) {
	props := &awscloudwatch.CfnAlarmProps{
		AlarmName: b.name(name), AlarmDescription: str(what),
		Namespace: str(m.space), MetricName: str(m.name), Dimensions: m.properties(),
		Period: num(300), EvaluationPeriods: num(periods), Threshold: num(limit),
		ComparisonOperator: str("GreaterThanOrEqualToThreshold"), TreatMissingData: str("notBreaching"),
		AlarmActions: &[]any{b.topic}, OkActions: &[]any{b.topic},
	}
	if m.statistic[0] == 'p' {
		props.ExtendedStatistic = str(m.statistic)
	} else {
		props.Statistic = str(m.statistic)
	}
	awscloudwatch.NewCfnAlarm(b.scope, str(id), props)
}

func (m metric) properties() []any {
	var out []any
	for _, d := range m.dimensions {
		out = append(out, &awscloudwatch.CfnAlarm_DimensionProperty{Name: jsii.String(d[0].(string)), Value: text(d[1])})
	}
	return out
}

// text is a string or a token as the CDK wants it.
func text(v any) *string {
	if s, ok := v.(string); ok {
		return &s
	}
	return v.(*string)
}

// deadLetters: one letter is one event that nobody worked on.
func (b bell) deadLetters(f fleet) {
	for _, name := range f.queues {
		short := name[len(b.stage.Prefix())+1:]
		b.alarm(title(short)+"Alarm", short, "Something could not be delivered and waits in the queue "+name,
			metric{"AWS/SQS", "ApproximateNumberOfMessagesVisible", [][2]any{{"QueueName", name}}, "Maximum"}, 1, 1)
	}
}

// functions: errors and slowness per function; throttling of all together, for
// it has one cause, the account's concurrency, or a cap that a stage set itself.
func (b bell) functions() {
	of := func(f function, name, statistic string) metric {
		return metric{"AWS/Lambda", name, [][2]any{{"FunctionName", *b.name(string(f.service))}}, statistic}
	}
	for _, f := range functions {
		id, name := title(string(f.service)), string(f.service)
		b.alarm(id+"ErrorsAlarm", name+"-errors", "The function "+name+" failed or timed out",
			of(f, "Errors", "Sum"), 3, 1)
		b.alarm(id+"DurationAlarm", name+"-duration", "The function "+name+" needs almost all of the time that it, or its caller, has",
			of(f, "Duration", "p99"), f.patience()*1000*0.8, 3)
		if f.publishes {
			b.alarm(id+"DelayAlarm", name+"-delay", "Events are a minute late: the relay cannot publish, or cannot keep up",
				of(f, "IteratorAge", "Maximum"), 60_000, 1)
		}
	}
	b.alarm("ThrottlesAlarm", "throttles", "Lambda refused invocations: the concurrency is used up",
		metric{"AWS/Lambda", "Throttles", nil, "Sum"}, 1, 2)
}

// data: the table that every commit writes to, and the file system.
func (b bell) data(d data) {
	wikis := d.tables[tables.Wikis].Ref()
	for _, way := range []string{"Read", "Write"} {
		verb := strings.ToLower(way)
		b.alarm("Wikis"+way+"ThrottlesAlarm", "wikis-"+verb+"-throttles", "DynamoDB refused to "+verb+" wikis",
			metric{"AWS/DynamoDB", way + "ThrottleEvents", [][2]any{{"TableName", wikis}}, "Sum"}, 5, 1)
	}
	b.alarm("WikisFaultsAlarm", "wikis-faults", "DynamoDB failed to commit",
		metric{"AWS/DynamoDB", "SystemErrors", [][2]any{{"TableName", wikis}, {"Operation", "UpdateItem"}}, "Sum"}, 5, 1)
	b.alarm("FilesAlarm", "files-io", "The file system is close to the operations a second that it can do",
		metric{"AWS/EFS", "PercentIOLimit", [][2]any{{"FileSystemId", d.files.system.Ref()}}, "Maximum"}, 90, 3)
}

func (b bell) edge(e edge) {
	for _, kind := range []routes.HostKind{routes.RootHost, routes.WikiHost} {
		b.alarm(title(string(kind))+"FaultsAlarm", string(kind)+"-faults", "One in twenty answers of the "+string(kind)+" host is an error of ours",
			metric{"AWS/CloudFront", "5xxErrorRate", [][2]any{{"DistributionId", e.distributions[kind]}, {"Region", "Global"}}, "Average"}, 5, 2)
	}
}

// dashboard shows on one page what there is to see: requests and errors at the
// edge, then each function, then what waits.
func (s stack) dashboard(d data, f fleet, e edge) {
	at := 0
	var widgets []any
	widget := func(title string, statistic string, metrics ...[]any) {
		widgets = append(widgets, map[string]any{
			"type": "metric", "x": at % 3 * 8, "y": at / 3 * 6, "width": 8, "height": 6,
			"properties": map[string]any{"title": title, "region": awscdk.Aws_REGION(), "stat": statistic, "period": 300, "metrics": metrics},
		})
		at++
	}
	var lambda = func(name string) (rows [][]any) {
		for _, fn := range functions {
			rows = append(rows, []any{"AWS/Lambda", name, "FunctionName", *s.name(string(fn.service))})
		}
		return rows
	}
	var edgeRows = func(name string) (rows [][]any) {
		for _, kind := range []routes.HostKind{routes.RootHost, routes.WikiHost} {
			rows = append(rows, []any{"AWS/CloudFront", name, "Region", "Global", "DistributionId", e.distributions[kind], map[string]any{"label": string(kind)}})
		}
		return rows
	}
	var waiting, used [][]any
	for _, name := range f.queues {
		waiting = append(waiting, []any{"AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name})
	}
	for _, t := range tables.All {
		used = append(used, []any{"AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", d.tables[t.Name].Ref(), map[string]any{"label": string(t.Name)}})
	}
	widget("Requests", "Sum", edgeRows("Requests")...)
	widget("Errors of ours, percent", "Average", edgeRows("5xxErrorRate")...)
	widget("Errors of callers, percent", "Average", edgeRows("4xxErrorRate")...)
	widget("Invocations", "Sum", lambda("Invocations")...)
	widget("Errors", "Sum", lambda("Errors")...)
	widget("Duration, p99", "p99", lambda("Duration")...)
	widget("Concurrent executions", "Maximum", lambda("ConcurrentExecutions")...)
	widget("Writes to tables", "Sum", used...)
	widget("Dead letters", "Maximum", waiting...)
	widget("Age of events at the relay", "Maximum", []any{"AWS/Lambda", "IteratorAge", "FunctionName", *s.name(string(routes.Relay))})
	widget("Files: percent of operations", "Maximum", []any{"AWS/EFS", "PercentIOLimit", "FileSystemId", d.files.system.Ref()})
	widget("Files: bytes stored", "Average", []any{"AWS/EFS", "StorageBytes", "FileSystemId", d.files.system.Ref(), "StorageClass", "Total"})

	body, err := json.Marshal(map[string]any{"widgets": widgets}) // tokens are strings, and stay what they are
	if err != nil {
		panic(fmt.Sprintf("encode the dashboard: %v", err)) // maps, slices and strings
	}
	awscloudwatch.NewCfnDashboard(s.scope, str("Dashboard"), &awscloudwatch.CfnDashboardProps{DashboardName: str(s.stage.Prefix()), DashboardBody: str(string(body))})
}

// backups saves the tables and the files in the same hour, so that a restore
// finds the objects that its records name. The tables can besides be restored to
// any second of the last 35 days.
func (s stack) backups(d data) {
	vault := awsbackup.NewCfnBackupVault(s.scope, str("Vault"), &awsbackup.CfnBackupVaultProps{BackupVaultName: s.name("backups")})
	retain(vault)
	plan := awsbackup.NewCfnBackupPlan(s.scope, str("Backups"), &awsbackup.CfnBackupPlanProps{
		BackupPlan: &awsbackup.CfnBackupPlan_BackupPlanResourceTypeProperty{
			BackupPlanName: s.name("daily"),
			BackupPlanRule: []any{&awsbackup.CfnBackupPlan_BackupRuleResourceTypeProperty{
				RuleName: str("daily"), TargetBackupVault: vault.Ref(), ScheduleExpression: str("cron(0 4 * * ? *)"),
				StartWindowMinutes: num(60), CompletionWindowMinutes: num(720),
				Lifecycle: &awsbackup.CfnBackupPlan_LifecycleResourceTypeProperty{DeleteAfterDays: num(float64(s.stage.BackupRetention))},
			}},
		},
	})
	role := s.role("BackupsRole", "AWS Backup saves and restores the stage's data", assumedBy("backup"))
	role.SetManagedPolicyArns(&[]*string{
		sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"),
		sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores"),
	})
	what := []*string{d.files.system.AttrArn()}
	for _, t := range tables.All {
		what = append(what, d.tables[t.Name].AttrArn())
	}
	awsbackup.NewCfnBackupSelection(s.scope, str("BackedUp"), &awsbackup.CfnBackupSelectionProps{
		BackupPlanId: plan.Ref(),
		BackupSelection: &awsbackup.CfnBackupSelection_BackupSelectionResourceTypeProperty{
			SelectionName: str("tables-and-files"), IamRoleArn: role.AttrArn(), Resources: &what,
		},
	})
}

// budget writes before the month's money is spent, and when it looks as if it
// will be. It is the account's: AWS tells stages apart only by cost tags that
// somebody has switched on.
func (s stack) budget() {
	warn := func(kind string, percent float64) *awsbudgets.CfnBudget_NotificationWithSubscribersProperty {
		return &awsbudgets.CfnBudget_NotificationWithSubscribersProperty{
			Notification: &awsbudgets.CfnBudget_NotificationProperty{
				NotificationType: str(kind), ComparisonOperator: str("GREATER_THAN"), Threshold: num(percent), ThresholdType: str("PERCENTAGE"),
			},
			Subscribers: []any{&awsbudgets.CfnBudget_SubscriberProperty{SubscriptionType: str("EMAIL"), Address: str(s.stage.AlarmEmail)}},
		}
	}
	awsbudgets.NewCfnBudget(s.scope, str("Budget"), &awsbudgets.CfnBudgetProps{
		Budget: &awsbudgets.CfnBudget_BudgetDataProperty{
			BudgetName: s.name("monthly"), BudgetType: str("COST"), TimeUnit: str("MONTHLY"),
			BudgetLimit: &awsbudgets.CfnBudget_SpendProperty{Amount: num(s.stage.MonthlyBudget), Unit: str("USD")},
		},
		NotificationsWithSubscribers: []any{warn("ACTUAL", 80), warn("FORECASTED", 100)},
	})
}
