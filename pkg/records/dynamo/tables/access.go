package tables

import (
	"maps"
	"slices"

	"wikibot.io/contracts/routes"
)

// Actions says what a method of the records does to which table, by the names
// that IAM gives the actions ("dynamodb:" left away). A part of a transaction is
// named like the request of its own: a put in one needs PutItem.
type Actions map[Name][]string

// Methods lists what each method of the driver does. The driver's tests hold it
// against the requests that the methods send.
var Methods = map[string]Actions{
	"CreateUser":     {Users: {"PutItem"}, Names: {"PutItem"}},
	"User":           {Users: {"GetItem"}},
	"UserByIdentity": {Users: {"GetItem"}},
	"UserByEmail":    {Users: {"GetItem"}},
	"SetTier":        {Users: {"GetItem", "UpdateItem"}, Wikis: {"UpdateItem"}},

	"UpdateUser":       {Users: {"GetItem", "UpdateItem"}},
	"IdentitiesOfUser": {Users: {"GetItem"}},
	"AddIdentity":      {Users: {"PutItem", "UpdateItem"}},

	"CreateSession":  {Sessions: {"Query", "PutItem", "DeleteItem"}, Users: {"ConditionCheckItem"}},
	"Session":        {Sessions: {"GetItem"}},
	"SessionsOfUser": {Sessions: {"Query"}},
	"RenewSession":   {Sessions: {"UpdateItem"}},
	"TouchSession":   {Sessions: {"GetItem", "UpdateItem"}},
	"EndSession":     {Sessions: {"DeleteItem"}, Users: {"GetItem", "UpdateItem"}},
	"EndSessions":    {Sessions: {"Query", "BatchWriteItem"}, Users: {"GetItem", "UpdateItem"}},

	"CreateConnection":  {Sessions: {"Query", "PutItem", "DeleteItem"}, Users: {"ConditionCheckItem"}},
	"Connection":        {Sessions: {"GetItem"}},
	"ConnectionsOfUser": {Sessions: {"Query"}},
	"RotateConnection":  {Sessions: {"UpdateItem"}},
	"TouchConnection":   {Sessions: {"GetItem", "UpdateItem"}},
	"EndConnection":     {Sessions: {"DeleteItem"}},

	"PutTicket":    {Tickets: {"PutItem"}},
	"Ticket":       {Tickets: {"GetItem"}},
	"SpendTicket":  {Tickets: {"UpdateItem"}},
	"PutClient":    {Tickets: {"PutItem"}},
	"Client":       {Tickets: {"GetItem"}},
	"ExtendClient": {Tickets: {"UpdateItem"}},
	"Count":        {Tickets: {"UpdateItem"}},

	"DeleteUser":   {Users: {"GetItem", "UpdateItem"}, Sessions: {"PutItem"}, Wikis: {"UpdateItem"}},
	"DepartedUser": {Users: {"GetItem"}},
	"RestoreUser":  {Users: {"GetItem", "UpdateItem"}, Sessions: {"DeleteItem"}, Wikis: {"UpdateItem"}},
	"Departed":     {Sessions: {"Query"}, Users: {"BatchGetItem"}},
	"ForgetUser": {
		Users: {"GetItem", "UpdateItem", "PutItem", "DeleteItem"}, Names: {"UpdateItem"}, Sessions: {"Query", "BatchWriteItem", "DeleteItem"},
	},

	"CreateWiki": {Users: {"GetItem", "UpdateItem"}, Names: {"PutItem"}, Wikis: {"PutItem"}, Grants: {"PutItem"}, Tokens: {"PutItem"}},
	"Wiki":       {Wikis: {"GetItem"}},
	"WikiID":     {Names: {"GetItem"}},
	"NameTaken":  {Names: {"GetItem"}},
	"UpdateWiki": {Wikis: {"GetItem", "UpdateItem"}},
	"DeleteWiki": {Wikis: {"GetItem", "UpdateItem"}, Users: {"GetItem", "UpdateItem"}, Names: {"UpdateItem"}},

	"AdvanceHead":      {Wikis: {"GetItem", "UpdateItem"}, Idempotency: {"PutItem"}},
	"IdempotentResult": {Idempotency: {"GetItem"}},
	"PublishIndex":     {Wikis: {"UpdateItem"}},

	"LeaseUpkeep":  {Wikis: {"UpdateItem"}},
	"ReplaceBases": {Wikis: {"UpdateItem"}},
	"EndUpkeep":    {Wikis: {"UpdateItem"}},

	"Grant":        {Grants: {"GetItem"}},
	"PutGrant":     {Grants: {"GetItem", "PutItem"}, Users: {"ConditionCheckItem"}, Wikis: {"UpdateItem"}},
	"DeleteGrant":  {Grants: {"GetItem", "DeleteItem"}, Wikis: {"UpdateItem"}},
	"GrantsOfUser": {Grants: {"Query"}},
	"GrantsOfWiki": {Grants: {"Query"}},

	"CreateToken":  {Tokens: {"PutItem"}, Wikis: {"ConditionCheckItem"}},
	"TokenByHash":  {Tokens: {"GetItem"}},
	"TokensOfWiki": {Tokens: {"Query", "BatchGetItem"}},
	"ReplaceToken": {Tokens: {"GetItem", "PutItem", "DeleteItem"}, Wikis: {"ConditionCheckItem"}},
	"RevokeToken":  {Tokens: {"Query", "DeleteItem"}},
	"TouchToken":   {Tokens: {"GetItem", "UpdateItem"}},

	"PutActivity": {Activities: {"UpdateItem", "DeleteItem"}, Wikis: {"GetItem"}},
	"Activity":    {Activities: {"GetItem"}},
	"ForgetWiki": {
		Wikis: {"GetItem"}, Activities: {"DeleteItem"}, Grants: {"Query", "BatchWriteItem"},
		Tokens: {"Query", "BatchWriteItem"}, Idempotency: {"Query", "BatchWriteItem"},
	},
}

// door is what whoever answers requests to wiki hosts asks before it lets
// somebody in.
var door = []string{
	"User", "TokenByHash", "TouchToken", "Session", "TouchSession", "Connection", "TouchConnection", "WikiID", "Wiki", "Grant",
}

// Calls lists the methods that each service uses. SetTier, PutGrant,
// GrantsOfWiki, CreateToken and RevokeToken have no caller in the fleet yet.
var Calls = map[routes.Service][]string{
	routes.Auth: {
		"CreateUser", "User", "UserByIdentity", "UserByEmail", "UpdateUser", "IdentitiesOfUser", "AddIdentity",
		"CreateSession", "Session", "SessionsOfUser", "RenewSession", "TouchSession", "EndSession", "EndSessions",
		"CreateConnection", "Connection", "ConnectionsOfUser", "RotateConnection", "TouchConnection", "EndConnection",
		"PutTicket", "Ticket", "SpendTicket", "PutClient", "Client", "ExtendClient", "Count",
		"DeleteUser", "DepartedUser", "RestoreUser", "Departed", "ForgetUser",
		"NameTaken", "WikiID", "Wiki", "Grant", "GrantsOfUser", "TokensOfWiki",
	},
	routes.Management: {
		"User", "Session", "TouchSession", "CreateWiki", "NameTaken", "WikiID", "Wiki", "Grant", "UpdateWiki", "DeleteWiki",
		"GrantsOfUser", "DeleteGrant", "TokensOfWiki", "ReplaceToken", "PutActivity", "Activity", "ForgetWiki",
	},
	routes.Wiki:      append([]string{"AdvanceHead", "IdempotentResult", "PublishIndex"}, door...),
	routes.MCP:       append([]string{"AdvanceHead", "IdempotentResult", "UserByIdentity"}, door...),
	routes.GitHTTP:   door,
	routes.Embedding: {"Wiki", "PublishIndex", "LeaseUpkeep", "ReplaceBases", "EndUpkeep"},
}

// keys is who does what to the public signing keys, which are no records.
var keys = map[routes.Service][]string{
	routes.Auth:       {"GetItem", "PutItem"},
	routes.Management: {"GetItem"},
	routes.Wiki:       {"GetItem"},
	routes.MCP:        {"GetItem"},
	routes.GitHTTP:    {"GetItem"},
}

// Access says which actions a service needs on which table: what its role is
// granted, and no more.
var Access = access()

func access() map[routes.Service]Actions {
	out := map[routes.Service]Actions{}
	add := func(s routes.Service, n Name, actions []string) {
		if out[s] == nil {
			out[s] = Actions{}
		}
		all := append(slices.Clone(out[s][n]), actions...)
		slices.Sort(all)
		out[s][n] = slices.Compact(all)
	}
	for s, methods := range Calls {
		for _, m := range methods {
			for _, n := range slices.Sorted(maps.Keys(Methods[m])) {
				add(s, n, Methods[m][n])
			}
		}
	}
	for s, actions := range keys {
		add(s, Keys, actions)
	}
	return out
}
