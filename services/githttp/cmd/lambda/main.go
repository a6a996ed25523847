// Command lambda is the git service as a Lambda function.
package main

import (
	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/lambdakit"
	"wikibot.io/services/githttp"
	"wikibot.io/services/internal/cloud"
)

func main() { cloud.Run(routes.GitHTTP, function) }

func function(p *cloud.Platform) (lambdakit.Function, error) {
	git, err := gitstore.Open(p.Config.Wikis(), gitstore.Options{ReadOnly: true}) // its role may not write
	if err != nil {
		return lambdakit.Function{}, err
	}
	s, err := githttp.New(githttp.Deps{Git: git, Gate: p.Gate, Hosts: p.Config.Hosts, Log: p.Log})
	if err != nil {
		return lambdakit.Function{}, err
	}
	return lambdakit.Function{HTTP: s.Guarded(p.Authenticator)}, nil
}
