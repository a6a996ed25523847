// Package rest is what the JSON APIs of the fleet have in common: typed
// operations on a chi router, described by OpenAPI 3.1, whose every error is a
// problem document (RFC 9457) that lists all wrong fields at once.
//
// It owns how an error of ours, and what the library finds wrong with the form of
// a request, become one and the same shape. It decides nothing about who may call
// an operation, and knows none.
//
// # Life of a request
//
// The router's own middleware (the service's: who is it, may they) has let the
// request through. The library reads the body, which [Config] bounds, refuses text
// that could not be kept as it was sent, and checks the input's form; the
// operation gets it typed. What the operation returns is JSON; an error of its, or
// one of the library's about the form, goes through [wikibot.io/pkg/web.ProblemOf],
// which notes it in the request's log record.
//
//	api := rest.New(router, rest.Config{Title: "wikibot … API", Version: Version, MaxBody: 16 << 10, …})
//	rest.Register(api, huma.Operation{OperationID: "getThing", Method: http.MethodGet, Path: "/api/things/{id}"}, s.thing)
//	api.Seal()
//	router.NotFound(rest.NotFound("the … API has no such path"))
//	router.MethodNotAllowed(rest.WrongMethod)
package rest
