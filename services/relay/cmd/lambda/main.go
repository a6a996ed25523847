// Command lambda is the relay as a Lambda function.
package main

import (
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/event/deadletter"
	"wikibot.io/pkg/event/eventbridge"
	"wikibot.io/pkg/lambdakit"
	"wikibot.io/services/internal/cloud"
	"wikibot.io/services/relay"
)

func main() { cloud.Run(routes.Relay, function) }

func function(p *cloud.Platform) (lambdakit.Function, error) {
	bus := awseventbridge.NewFromConfig(p.AWS, func(o *awseventbridge.Options) {
		o.BaseEndpoint = cloud.Endpoint(p.Config.Endpoints.EventBridge)
	})
	publisher, err := eventbridge.New(eventbridge.Options{Client: bus, Bus: p.Config.Bus})
	if err != nil {
		return lambdakit.Function{}, err
	}
	queues := sqs.NewFromConfig(p.AWS, func(o *sqs.Options) { o.BaseEndpoint = cloud.Endpoint(p.Config.Endpoints.SQS) })
	dead, err := deadletter.New(queues, p.Config.DeadLetters)
	if err != nil {
		return lambdakit.Function{}, err
	}
	s, err := relay.New(relay.Deps{Publisher: publisher, DeadLetters: dead, Log: p.Log})
	if err != nil {
		return lambdakit.Function{}, err
	}
	return lambdakit.Function{Stream: s.HandleStream}, nil
}
