package cdk

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/records/dynamo/tables"
)

// mountPath is where a function finds the wikis' files.
const mountPath = "/mnt/wikibot"

// fleet is what the edge and operations need to know of it.
type fleet struct {
	urls   map[routes.Service]*string // of the functions that answer requests
	queues []string                   // names of all queues of dead letters
}

func newFleet(s stack, binaries string, n network, d data) fleet {
	b := builder{stack: s, binaries: binaries, network: n, data: d, fleet: fleet{urls: map[routes.Service]*string{}}}
	for _, f := range functions {
		b.build(f)
	}
	return b.fleet
}

// builder turns rows of the table of functions into resources.
type builder struct {
	stack
	binaries string
	network  network
	data     data
	fleet    fleet
}

func (b *builder) build(f function) {
	id := title(string(f.service))
	logs := awslogs.NewCfnLogGroup(b.scope, str(id+"Logs"), &awslogs.CfnLogGroupProps{RetentionInDays: num(float64(b.stage.LogRetention))})
	environment := f.environment(b.stack, b.data)
	may := b.permissions(f, logs)
	var failures queue
	if f.unattended() || f.publishes {
		failures = b.queue(id+"Failures", string(f.service)+"-failures")
		b.fleet.queues = append(b.fleet.queues, failures.name)
		may = append(may, allow([]string{"sqs:SendMessage"}, failures.arn))
	}
	if f.publishes {
		environment["WIKIBOT_DEAD_LETTERS"] = failures.url
	}
	role := b.role(id+"Role", "What the function "+string(f.service)+" may do", assumedBy("lambda"), may...)
	fn := b.function(f, id, role, logs, environment)
	if f.answers() {
		b.url(f, id, fn)
	}
	if f.unattended() {
		awslambda.NewCfnEventInvokeConfig(b.scope, str(id+"Retries"), &awslambda.CfnEventInvokeConfigProps{
			FunctionName: fn.Ref(), Qualifier: str("$LATEST"),
			MaximumRetryAttempts: num(2), MaximumEventAgeInSeconds: num(6 * 3600),
			DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
				OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: failures.arn},
			},
		})
	}
	if f.publishes {
		b.streams(id, fn, failures)
	}
	b.subscribe(f, id, fn)
	b.schedule(f, id, fn)
}

func (b *builder) function(f function, id string, role awsiam.CfnRole, logs awslogs.CfnLogGroup, environment map[string]*string) awslambda.CfnFunction {
	code := awss3assets.NewAsset(b.scope, str(id+"Code"), &awss3assets.AssetProps{
		Path: str(filepath.Join(b.binaries, string(f.service))),
	})
	override := b.stage.Functions[f.service]
	props := &awslambda.CfnFunctionProps{
		FunctionName:     b.functionName(f),
		Description:      str("wikibot " + b.stage.Name + ": " + string(f.service)),
		Code:             &awslambda.CfnFunction_CodeProperty{S3Bucket: code.S3BucketName(), S3Key: code.S3ObjectKey()},
		Runtime:          str("provided.al2023"),
		Architectures:    strs("arm64"),
		Handler:          str("bootstrap"),
		Role:             role.AttrArn(),
		MemorySize:       num(cmp.Or(override.Memory, f.memory)),
		Timeout:          num(f.timeout),
		EphemeralStorage: &awslambda.CfnFunction_EphemeralStorageProperty{Size: num(f.scratch)},
		Environment:      &awslambda.CfnFunction_EnvironmentProperty{Variables: environment},
		LoggingConfig:    &awslambda.CfnFunction_LoggingConfigProperty{LogFormat: str("JSON"), LogGroup: logs.Ref()},
		TracingConfig:    &awslambda.CfnFunction_TracingConfigProperty{Mode: str("Active")},
	}
	if n := override.ReservedConcurrency; n > 0 {
		props.ReservedConcurrentExecutions = num(n)
	}
	if f.files != noFiles {
		props.VpcConfig = &awslambda.CfnFunction_VpcConfigProperty{
			SubnetIds: &b.network.subnets, SecurityGroupIds: &[]*string{b.network.functions},
		}
		props.FileSystemConfigs = []any{&awslambda.CfnFunction_FileSystemConfigProperty{
			Arn: b.data.files.door.AttrArn(), LocalMountPath: str(mountPath),
		}}
	}
	return awslambda.NewCfnFunction(b.scope, str(id+"Function"), props)
}

func (b *builder) functionName(f function) *string { return b.name(string(f.service)) }

// functionARN is composed rather than referred to, because the function's role
// needs it, and the function needs the role.
func (b *builder) functionARN(f function) *string {
	return sub("arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:" + *b.functionName(f))
}

// url gives the function an address that CloudFront calls. It takes anybody's
// calls, because CloudFront can only sign those whose body the viewer has hashed;
// the function refuses what does not carry the edge's key. Since October 2025 it
// takes two permissions to say so.
func (b *builder) url(f function, id string, fn awslambda.CfnFunction) {
	url := awslambda.NewCfnUrl(b.scope, str(id+"Url"), &awslambda.CfnUrlProps{
		TargetFunctionArn: fn.AttrArn(), AuthType: str("NONE"), InvokeMode: str("RESPONSE_STREAM"),
	})
	awslambda.NewCfnPermission(b.scope, str(id+"UrlCalls"), &awslambda.CfnPermissionProps{
		FunctionName: fn.AttrArn(), Principal: "*", Action: str("lambda:InvokeFunctionUrl"), FunctionUrlAuthType: str("NONE"),
	})
	awslambda.NewCfnPermission(b.scope, str(id+"UrlInvokes"), &awslambda.CfnPermissionProps{
		FunctionName: fn.AttrArn(), Principal: "*", Action: str("lambda:InvokeFunction"), InvokedViaFunctionUrl: yes,
	})
	b.fleet.urls[f.service] = url.AttrFunctionUrl()
}

// interfaces are the actions with which Lambda puts a function into a VPC.
var interfaces = []string{
	"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
	"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
}

// permissions is all that a function's role may do, but for what it is to do
// with its failures.
func (b *builder) permissions(f function, logs awslogs.CfnLogGroup) []statement {
	may := []statement{
		allow([]string{"logs:CreateLogStream", "logs:PutLogEvents"}, logs.AttrArn()),
		allow([]string{"xray:PutTelemetryRecords", "xray:PutTraceSegments"}, str("*")), // X-Ray knows no resources
	}
	access := tables.Access[f.service]
	for _, name := range slices.Sorted(maps.Keys(access)) {
		actions := make([]string, len(access[name]))
		for i, action := range access[name] {
			actions[i] = "dynamodb:" + action
		}
		may = append(may, allow(actions, b.data.tables[name].AttrArn()))
	}
	if f.files != noFiles {
		may = append(may, b.filePermissions(f)...)
	}
	if f.signs {
		may = append(may, allow([]string{"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"}, b.data.keys.Ref()))
	}
	if name := b.stage.SignIn.Parameter; f.signsIn && name != "" {
		// Whoever may read it may decrypt it: it is encrypted with the account's own key
		// for Parameter Store.
		may = append(may, allow([]string{"ssm:GetParameter"}, sub("arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"+name)))
	}
	if f.publishes {
		may = append(may, allow([]string{"events:PutEvents"}, b.data.bus.AttrArn()))
		var streams []*string
		for _, t := range tables.All {
			if t.Stream {
				streams = append(streams, b.data.tables[t.Name].AttrStreamArn())
			}
		}
		may = append(may,
			allow([]string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}, streams...),
			allow([]string{"dynamodb:ListStreams"}, str("*"))) // it knows no resources; Lambda insists on it
	}
	return may
}

// filePermissions lets a role mount the wikis, and lets Lambda, though not the
// code that Lambda runs, put the function into the VPC: AWS gives it no
// narrower way than the function's own role.
func (b *builder) filePermissions(f function) []statement {
	actions := []string{"elasticfilesystem:ClientMount"}
	if f.files == writesFiles {
		actions = append(actions, "elasticfilesystem:ClientWrite")
	}
	return []statement{
		allow(actions, b.data.files.system.AttrArn()).on("StringEquals", "elasticfilesystem:AccessPointArn", b.data.files.door.AttrArn()),
		allow(interfaces, str("*")),
		statement{"Effect": "Deny", "Action": interfaces, "Resource": "*"}.on("ArnEquals", "lambda:SourceFunctionArn", b.functionARN(f)),
	}
}

// streams feeds the relay from each table whose items carry events. A batch that
// fails is halved until the item that fails stands alone; the relay itself puts
// aside what can never be delivered, so retries go on for almost as long as the
// stream remembers. What is left after that is told to the queue as a place in
// the stream, which is why it has to alarm.
func (b *builder) streams(id string, fn awslambda.CfnFunction, failures queue) {
	for _, t := range tables.All {
		if !t.Stream {
			continue
		}
		awslambda.NewCfnEventSourceMapping(b.scope, str(id+"From"+title(string(t.Name))), &awslambda.CfnEventSourceMappingProps{
			FunctionName: fn.Ref(), EventSourceArn: b.data.tables[t.Name].AttrStreamArn(),
			StartingPosition: str("TRIM_HORIZON"), BatchSize: num(100), ParallelizationFactor: num(1),
			BisectBatchOnFunctionError: yes, FunctionResponseTypes: strs("ReportBatchItemFailures"),
			MaximumRetryAttempts: num(-1), MaximumRecordAgeInSeconds: num(23 * 3600),
			DestinationConfig: &awslambda.CfnEventSourceMapping_DestinationConfigProperty{
				OnFailure: &awslambda.CfnEventSourceMapping_OnFailureProperty{Destination: failures.arn},
			},
		})
	}
}

// accepted lists the sums of the keys, in the order of their labels.
func (k EdgeKey) accepted() string {
	var sums []string
	for _, label := range slices.Sorted(maps.Keys(k.Sums)) {
		sums = append(sums, k.Sums[label])
	}
	return strings.Join(sums, ",")
}

// sent is the value of the header that CloudFront adds, which CloudFormation
// looks up while it deploys: it is in no template.
func (k EdgeKey) sent() string {
	return fmt.Sprintf("{{resolve:secretsmanager:%s:SecretString:%s}}", k.Secret, k.Sent)
}
