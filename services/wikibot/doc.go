// Package wikibot is the whole fleet in one process, on embedded drivers: the
// records in one SQLite file, objects and indexes in folders, events from the
// outbox through a dispatcher in the process.
//
// It is the composition and nothing more: it chooses drivers, hands them to the
// services, and routes requests by the table in contracts/routes, as the
// deployment does. It holds no behaviour of a service.
//
// # Life of a request
//
// The gateway sorts the request's Host (root, wiki, neither), finds the route,
// and calls that service's handler, which expects to know already who the
// request comes from: the authenticator of that kind of host is wrapped around
// it here.
//
// # The data folder
//
//	records.db     users, wikis, rights, tokens, outbox (SQLite, WAL)
//	wikis/<id>/    repo.git and the published index of one wiki
//	keys/          signing keys of sessions, readable by their owner alone
//	scratch/       working copies of indexes; emptied at every start
//	serving.lock   held by the one process that serves
//	address        where that process is reached
package wikibot
