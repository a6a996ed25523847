// Package iam decides, as AWS does, whether a role's policies allow a call.
//
// It owns the statements of identity policies as the templates write them:
// effect, actions and resources with their wildcards, and the conditions that
// the fleet's policies use. It never looks anything up: managed policies,
// boundaries and resource policies are not known to it, so what only they would
// allow is refused.
//
// A policy document is parsed once, when the deployment is read; a document with
// anything that this package would have to guess at is an error then. Each call
// is one [Policy.Decide].
package iam
