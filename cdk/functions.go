package cdk

import (
	"encoding/json"
	"slices"

	"wikibot.io/contracts/routes"
	"wikibot.io/contracts/subscriptions"
	"wikibot.io/pkg/records/dynamo/tables"
)

// access is what a function may do with the wikis' files. With any but noFiles
// it lives in the VPC, holds no secret and reaches DynamoDB and S3 alone.
type access int

const (
	noFiles access = iota
	readsFiles
	writesFiles
)

// function is one row of the fleet.
type function struct {
	service routes.Service
	memory  float64 // MB; Lambda gives a whole processor at 1769
	timeout float64 // seconds
	scratch float64 // MB below /tmp; 512 are free
	files   access
	// schedules run the function with {"schedule": name}.
	schedules []schedule
	// keeper of the private signing keys.
	signs bool
	// signsIn: asks who people are, with a secret from Parameter Store.
	signsIn bool
	// issuers: takes the access tokens of foreign issuers, or fetches their keys.
	issuers bool
	// publishes the events of the streamed tables on the bus.
	publishes bool
}

type schedule struct {
	name, every string
	// issuers: there is only something to do when foreign issuers are trusted.
	issuers bool
}

// functions is the fleet. What else it does each row knows from elsewhere:
// whether it answers requests from the table of routes, which events it is given
// from the table of subscriptions, which tables it may touch from tables.Access.
//
// CloudFront waits 60 seconds for the first byte of an answer, so longer
// timeouts serve long answers (a clone), events (an index from scratch, a fold of a
// large wiki's packs, whose lease lasts as long), and what an operator has done with
// all wikis: by the wiki function after a restore, by embedding at any time.
var functions = []function{
	{
		service: routes.Auth, memory: 512, timeout: 30, scratch: 512, signs: true, signsIn: true, issuers: true,
		schedules: []schedule{
			{name: "rotate-keys", every: "rate(1 day)"}, {name: "forget-departed", every: "rate(1 day)"},
			{name: "fetch-issuer-keys", every: "rate(1 hour)", issuers: true},
		},
	},
	{service: routes.Management, memory: 512, timeout: 30, scratch: 512},
	{service: routes.Wiki, memory: 1769, timeout: 900, scratch: 1024, files: writesFiles},
	{service: routes.MCP, memory: 1769, timeout: 60, scratch: 1024, files: writesFiles, issuers: true},
	{service: routes.GitHTTP, memory: 1769, timeout: 300, scratch: 512, files: readsFiles},
	{service: routes.Embedding, memory: 1769, timeout: 900, scratch: 2048, files: writesFiles},
	{service: routes.Relay, memory: 256, timeout: 60, scratch: 512, publishes: true},
}

// answers reports whether a route leads to the function.
func (f function) answers() bool {
	return slices.ContainsFunc(routes.Table, func(r routes.Route) bool { return r.Service == f.service })
}

// patience is for how many seconds somebody waits for the function: a reader of
// pages not for as long as a client of git.
func (f function) patience() float64 {
	if f.answers() && f.service != routes.GitHTTP {
		return min(f.timeout, 60)
	}
	return f.timeout
}

// unattended reports whether the function is invoked by somebody who does not
// wait for it, so that Lambda itself has to retry and remember failures.
func (f function) unattended() bool {
	return len(f.schedules) > 0 || len(subscriptions.Of(f.service)) > 0
}

// environment is what the function is told, by the names of the variables. A
// variable is only there if the function has a use for it.
func (f function) environment(s stack, d data) map[string]*string {
	env := map[string]*string{
		"WIKIBOT_SERVICE":   str(string(f.service)),
		"WIKIBOT_LOG_LEVEL": str(s.stage.LogLevel),
	}
	if f.answers() {
		env["WIKIBOT_BASE_URL"] = str(s.stage.BaseURL())
		env["WIKIBOT_EDGE_KEYS"] = str(s.stage.EdgeKey.accepted())
	}
	for name := range tables.Access[f.service] {
		env[name.Env()] = d.tables[name].Ref()
	}
	if f.files != noFiles {
		env["WIKIBOT_DATA"] = str(mountPath)
	}
	if f.signs {
		env["WIKIBOT_KEYS_SECRET"] = d.keys.Ref()
	}
	if f.signsIn {
		env["WIKIBOT_SIGN_IN"] = str(s.stage.SignIn.Kind)
		for name, value := range map[string]string{"ISSUER": s.stage.SignIn.Issuer, "CLIENT": s.stage.SignIn.ClientID, "PARAMETER": s.stage.SignIn.Parameter} {
			if value != "" {
				env["WIKIBOT_SIGN_IN_"+name] = str(value)
			}
		}
	}
	if f.issuers && len(s.stage.TrustedIssuers) > 0 {
		list, err := json.Marshal(s.stage.TrustedIssuers)
		if err != nil {
			panic(err) // strings alone
		}
		env["WIKIBOT_TRUSTED_ISSUERS"] = str(string(list))
	}
	if f.publishes {
		env["WIKIBOT_BUS"] = d.bus.Ref()
	}
	return env
}
