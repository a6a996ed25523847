package cdk

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// NewApp returns an app that writes its templates to a folder; "" is where the
// CDK's command line wants them.
func NewApp(folder string) awscdk.App {
	props := &awscdk.AppProps{
		AnalyticsReporting: no, // or every template would hold a list of library versions
		Context: &map[string]any{
			// What a stack takes from another one it imports by CloudFormation, which
			// then refuses to delete what is in use.
			"@aws-cdk/core:defaultCrossStackReferences": "strong",
		},
	}
	if folder != "" {
		props.Outdir = &folder
	}
	return awscdk.NewApp(props)
}

// Deployment is what [New] draws.
type Deployment struct {
	Stages []Stage
	// Binaries is the folder that holds SERVICE/bootstrap for each function, as
	// scripts/build-lambda writes it.
	Binaries string
}

// New draws the stacks of all stages.
func New(app awscdk.App, d Deployment) {
	for _, stage := range d.Stages {
		draw := drawing{app: app, stage: stage}
		network := newNetwork(draw.stack("network", "A VPC without a way out"))
		data := newData(draw.stack("data", "What must never be lost"), network)
		fleet := newFleet(draw.stack("fleet", "The functions and what invokes them"), d.Binaries, network, data)
		edge := newEdge(draw.stack("edge", "CloudFront, names and certificates"), data, fleet)
		newOperations(draw.stack("operations", "Alarms, backups, budget"), data, fleet, edge)
		newDelivery(draw.stack("delivery", "What GitHub may do here"), data, edge)
	}
}

// drawing makes the stacks of one stage.
type drawing struct {
	app   awscdk.App
	stage Stage
}

// stack is one stack of a stage: what all of its parts are drawn on.
type stack struct {
	scope awscdk.Stack
	stage Stage
}

// stack leaves account and region open: with them, synthesis would have to ask
// AWS. All of it belongs into us-east-1, see decision 0012.
func (d drawing) stack(name, description string) stack {
	s := awscdk.NewStack(d.app, str(d.stage.Prefix()+"-"+name), &awscdk.StackProps{
		Description:           str("wikibot " + d.stage.Name + ": " + description),
		TerminationProtection: jsii.Bool(name == "data"),
		Tags:                  &map[string]*string{"wikibot:stage": str(d.stage.Name)},
	})
	excuseStack(s, name, d.stage)
	return stack{s, d.stage}
}

// name is the name of something that has one of its own.
func (s stack) name(of string) *string { return str(s.stage.Prefix() + "-" + of) }

// output tells scripts a value. They read it by key, so keys never change.
func (s stack) output(key, description string, value *string) {
	awscdk.NewCfnOutput(s.scope, str(key), &awscdk.CfnOutputProps{Value: value, Description: str(description)})
}

// retain keeps a resource when its stack no longer has it.
func retain(r awscdk.CfnResource) {
	r.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, &awscdk.RemovalPolicyOptions{ApplyToUpdateReplacePolicy: jsii.Bool(true)})
}

// str, num, yes and no are values as the CDK's generated code wants them.
var (
	str = func(s string) *string { return &s }
	num = func(n float64) *float64 { return &n }
	yes = jsii.Bool(true)
	no  = jsii.Bool(false)
)

func strs(values ...string) *[]*string {
	out := make([]*string, len(values))
	for i := range values {
		out[i] = &values[i]
	}
	return &out
}

// sub is CloudFormation's Fn::Sub.
func sub(text string) *string { return awscdk.Fn_Sub(str(text), nil) }

// title makes "dead-letters" and "management.activity" parts of a logical id.
func title(name string) string {
	var out []byte
	upper := true
	for _, c := range []byte(name) {
		switch {
		case c == '-' || c == '.' || c == '_':
			upper = true
			continue
		case upper && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		upper = false
		out = append(out, c)
	}
	return string(out)
}
