package main

import (
	"context"

	"wikibot.io/pkg/identity/issuerkeys"
	"wikibot.io/pkg/identity/keyvault"
	"wikibot.io/pkg/records/dynamo/tables"
	"wikibot.io/services/internal/cloud"
)

// fetchIssuerKeys returns the schedule that copies the public keys of the trusted
// issuers to where functions find them that cannot call out.
func fetchIssuerKeys(p *cloud.Platform) (func(context.Context) error, error) {
	table, err := keyvault.NewIssuers(keyvault.Options{Client: p.DynamoDB, Table: p.Config.Tables[tables.Keys]})
	if err != nil {
		return nil, err
	}
	from := map[string]keyvault.Source{}
	for _, t := range p.Config.TrustedIssuers {
		if from[t.Issuer], err = issuerkeys.New(t.Issuer, nil); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error { return table.Copy(ctx, from) }, nil
}
