// Command lambda is the embedding service as a Lambda function.
package main

import (
	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/lambdakit"
	"wikibot.io/pkg/upkeep"
	"wikibot.io/services/embedding"
	"wikibot.io/services/internal/cloud"
	"wikibot.io/services/internal/cloud/files"
)

func main() { cloud.Run(routes.Embedding, function) }

func function(p *cloud.Platform) (lambdakit.Function, error) {
	git, cache, err := files.Open(p)
	if err != nil {
		return lambdakit.Function{}, err
	}
	keeper, err := upkeep.New(upkeep.Deps{Records: p.Records, Git: git, Log: p.Log})
	if err != nil {
		return lambdakit.Function{}, err
	}
	s, err := embedding.New(embedding.Deps{Index: cache, Keeper: keeper, Log: p.Log})
	if err != nil {
		return lambdakit.Function{}, err
	}
	return lambdakit.Function{Subscriptions: s.Subscriptions(), Rounds: s.Rounds()}, nil
}
