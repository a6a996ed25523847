// Command synth writes the templates of all stages into the CDK's output
// folder, and fails if they break a policy. cdk.json runs it, in the folder cdk.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/aws/jsii-runtime-go"

	"wikibot.io/cdk"
	"wikibot.io/cdk/policy"
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

	templates := map[string][]byte{}
	for _, stack := range *app.Synth(nil).Stacks() {
		if templates[*stack.StackName()], err = os.ReadFile(*stack.TemplateFullPath()); err != nil {
			return err
		}
	}
	return judge(stages, templates)
}

// judge keeps what breaks a policy from being deployed.
func judge(stages []cdk.Stage, templates map[string][]byte) error {
	var broken []error
	for _, stage := range stages {
		s, err := policy.Read(stage.Name, stage.Own(templates))
		if err != nil {
			return err
		}
		for _, v := range policy.Check(s) {
			broken = append(broken, fmt.Errorf("stage %s: %v", stage.Name, v))
		}
	}
	return errors.Join(broken...)
}
