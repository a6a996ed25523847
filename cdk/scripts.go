package cdk

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
)

// The scripts that run at the edge. The rehearsal runs the very same text, out
// of the templates.
//
//go:embed edge/*.js
var sources embed.FS

func source(name string) string {
	text, err := sources.ReadFile("edge/" + name)
	if err != nil {
		panic(err) // it is part of this program
	}
	return string(text)
}

// scripts are the CloudFront Functions that run before the cache, by ARN.
type scripts struct{ host, app, nothing *string }

func (s stack) scripts() scripts {
	script := func(id, name, comment string) *string {
		return awscloudfront.NewCfnFunction(s.scope, str(id), &awscloudfront.CfnFunctionProps{
			Name: s.name(name), AutoPublish: yes, FunctionCode: str(source(name + ".js")),
			FunctionConfig: &awscloudfront.CfnFunction_FunctionConfigProperty{Runtime: str("cloudfront-js-2.0"), Comment: str(comment)},
		}).AttrFunctionArn()
	}
	return scripts{
		host:    script("HostScript", "host", "Tells functions the viewer's host and address"),
		app:     script("AppScript", "app", "Turns the app's addresses into its files"),
		nothing: script("NothingScript", "nothing", "Answers 404"),
	}
}

// challenge is a Lambda@Edge function, by the ARN of its version. CloudFront
// keeps copies of it all over the world, whose logs would lie in as many regions
// without an end of their retention: its role lets it write none.
func (s stack) challenge() *string {
	role := s.role("ChallengeRole", "Nothing: the function only renames a header", assumedBy("edgelambda", "lambda"))
	fn := awslambda.NewCfnFunction(s.scope, str("ChallengeFunction"), &awslambda.CfnFunctionProps{
		FunctionName: s.name("challenge"), Description: str("wikibot " + s.stage.Name + ": puts WWW-Authenticate back"),
		Code:    &awslambda.CfnFunction_CodeProperty{ZipFile: str(source("challenge.js"))},
		Runtime: str("nodejs24.x"), Handler: str("index.handler"), Role: role.AttrArn(),
		MemorySize: num(128), Timeout: num(3),
	})
	// A version never changes, so another text needs another one.
	sum := sha256.Sum256([]byte(source("challenge.js")))
	return awslambda.NewCfnVersion(s.scope, str("ChallengeVersion"+hex.EncodeToString(sum[:4])), &awslambda.CfnVersionProps{
		FunctionName: fn.Ref(),
	}).Ref()
}
