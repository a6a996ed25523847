// Package api is the wiki's REST API, /api/v1 on every wiki host: pages, their
// history and links, the changelog and search, in the shapes that clients of
// Otterwiki's API know, with fields added.
//
// It owns the wire shapes and the API description (contracts/api, compared by a
// test). It decides nothing: rights are the gate's, page rules and merging the
// engine's, lists the index's.
//
// # Life of a request
//
//  1. [normalise] turns the many-segmented page path of the URL into one encoded
//     segment, so that the routes are plain: /pages/{path}/history.
//  2. enter opens the wiki of the request's host for the principal that the
//     service's authenticator put into the context, or answers 401, 403 or 404.
//     It comes before anything of the request is judged, so that strangers learn
//     nothing from validation.
//  3. huma decodes and validates the typed input; what is wrong is reported all
//     at once as problem+json.
//  4. The handler calls the engine or the index and fills the typed output. Any
//     error goes through the one switch of package web.
package api
