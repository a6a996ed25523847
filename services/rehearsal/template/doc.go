// Package template reads a deployment's CloudFormation templates as
// CloudFormation does: it resolves references, functions, conditions, exports
// and secrets, and gives each resource the name, Ref and ARN that everything
// else in the deployment knows it by.
//
// It creates nothing, and it knows nothing of wikibot. What it does not
// understand is an error that names the resource and the path within it: a
// rehearsal that guesses is worse than none.
//
// # The life of a load
//
// Every *.template.json of a folder is one stack, named after its file. Each
// resource is resolved when something first asks for it, so that a name made
// from another resource's properties comes out right and a circle of references
// is found, as it would be when deploying. Refs and attributes are made from a
// resource's name ([Options].Physical); attributes that only a running thing
// knows, such as a stream's ARN, come from [Options].Attribute. Secrets named by
// dynamic references are fetched last, when the reference's text is complete.
package template
