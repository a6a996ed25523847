// Command lambda is the management service as a Lambda function.
package main

import (
	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/lambdakit"
	"wikibot.io/services/internal/cloud"
	"wikibot.io/services/management"
)

func main() { cloud.Run(routes.Management, function) }

func function(p *cloud.Platform) (lambdakit.Function, error) {
	s, err := management.New(management.Deps{Hosts: p.Config.Hosts, Records: p.Records, Authenticator: p.Authenticator})
	if err != nil {
		return lambdakit.Function{}, err
	}
	return lambdakit.Function{HTTP: s.Handler(), Subscriptions: s.Subscriptions()}, nil
}
