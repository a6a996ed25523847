// Command synth writes the templates of all stages into the CDK's output
// folder. cdk.json runs it, in the folder cdk.
package main

import (
	"fmt"
	"os"

	"github.com/aws/jsii-runtime-go"

	"wikibot.io/cdk"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	defer jsii.Close()
	file, err := os.ReadFile("stages.json")
	if err != nil {
		return err
	}
	stages, err := cdk.Load(file)
	if err != nil {
		return err
	}
	app := cdk.NewApp("")
	cdk.New(app, cdk.Deployment{Stages: stages, Binaries: "../.cache/lambda"})
	app.Synth(nil)
	return nil
}
