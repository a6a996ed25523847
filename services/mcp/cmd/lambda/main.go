// Command lambda is the MCP service as a Lambda function.
package main

import (
	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/lambdakit"
	"wikibot.io/services/internal/cloud"
	"wikibot.io/services/internal/cloud/files"
	"wikibot.io/services/mcp"
)

func main() { cloud.Run(routes.MCP, function) }

func function(p *cloud.Platform) (lambdakit.Function, error) {
	engine, err := files.Engine(p)
	if err != nil {
		return lambdakit.Function{}, err
	}
	s, err := mcp.New(mcp.Deps{Engine: engine, Gate: p.Gate, Hosts: p.Config.Hosts, Issuers: p.Config.TrustedIssuers.URLs(), Log: p.Log})
	if err != nil {
		return lambdakit.Function{}, err
	}
	return lambdakit.Function{HTTP: s.Guarded(p.Authenticator)}, nil
}
