// Command lambda is the auth service as a Lambda function. It is the only one
// that links what reads the private keys.
package main

import (
	"maps"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keyvault/signing"
	"wikibot.io/pkg/lambdakit"
	"wikibot.io/pkg/records/dynamo/tables"
	"wikibot.io/services/auth"
	"wikibot.io/services/internal/cloud"
)

func main() { cloud.Run(routes.Auth, function) }

func function(p *cloud.Platform) (lambdakit.Function, error) {
	c := p.Config
	vault, err := signing.NewVault(signing.Options{
		DynamoDB: p.DynamoDB, Table: c.Tables[tables.Keys], Secret: c.KeysSecret, Log: p.Log,
		Secrets: secretsmanager.NewFromConfig(p.AWS, func(o *secretsmanager.Options) {
			o.BaseEndpoint = cloud.Endpoint(c.Endpoints.SecretsManager)
		}),
	})
	if err != nil {
		return lambdakit.Function{}, err
	}
	authenticator, err := identity.NewAuthenticator(identity.AuthenticatorDeps{Hosts: c.Hosts, Keys: vault, Accounts: p.Records, Log: p.Log})
	if err != nil {
		return lambdakit.Function{}, err
	}
	people, err := signIn(p)
	if err != nil {
		return lambdakit.Function{}, err
	}
	s, err := auth.New(auth.Deps{
		Hosts: c.Hosts, SignIn: people, Records: p.Records, Signer: identity.NewSigner(vault, c.Hosts), Keys: vault, Authenticator: authenticator, Log: p.Log,
	})
	if err != nil {
		return lambdakit.Function{}, err
	}
	schedules := vault.Schedules()
	maps.Copy(schedules, s.Schedules())
	if schedules["fetch-issuer-keys"], err = fetchIssuerKeys(p); err != nil {
		return lambdakit.Function{}, err
	}
	return lambdakit.Function{HTTP: s.Handler(), Schedules: schedules}, nil
}
