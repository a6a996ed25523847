// Command lambda is the wiki service as a Lambda function.
package main

import (
	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/lambdakit"
	"wikibot.io/services/internal/cloud"
	"wikibot.io/services/internal/cloud/files"
	"wikibot.io/services/wiki"
)

func main() { cloud.Run(routes.Wiki, function) }

func function(p *cloud.Platform) (lambdakit.Function, error) {
	engine, err := files.Engine(p)
	if err != nil {
		return lambdakit.Function{}, err
	}
	s, err := wiki.New(wiki.Deps{Engine: engine, Gate: p.Gate, Hosts: p.Config.Hosts, Log: p.Log})
	if err != nil {
		return lambdakit.Function{}, err
	}
	return lambdakit.Function{HTTP: s.Guarded(p.Authenticator), Subscriptions: s.Subscriptions(), Schedules: s.Schedules()}, nil
}
