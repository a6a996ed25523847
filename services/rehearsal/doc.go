// Package rehearsal brings the fleet up from the templates of a deployment,
// without an account: what would be deployed is what runs.
//
// It owns the wiring between the parts that stand in for AWS, each a package
// beside this one or of the floor, and takes from the templates everything that
// they say: tables, functions with their environment and rights, file systems,
// event sources, rules, targets, queues, schedules, the edge. It imports no
// service and knows no route, subscription or table by name. A function that
// stands in no template does not run.
//
//	                  viewer
//	                    │ http://wikibot.localhost:PORT
//	                  edge (distributions, scripts, policies, cache)
//	                    │
//	app's bucket    function URLs ──── runtimeapi ──── real binaries ── folder
//	                                        │   ▲                   (slowfiles)
//	                        endpoint (rights, chaos, counts)
//	            ┌─────────────┬─────────────┴──┬────────────┐
//	      DynamoDB Local    bus ─ rules ─→ async  queues  secrets
//	            └─ streams ─→ relay
//
// # What it overrides
//
// WIKIBOT_BASE_URL, how people sign in (development, if no provider is given),
// WIKIBOT_EDGE_KEYS, AWS's endpoints, region and credentials, and the
// path of the mount. Variables that a template does not set stay unset.
//
// # What it holds functions to
//
// Their roles, call by call; a file system that they may not write to, which is
// read-only to them (on Linux; elsewhere [Rehearsal.Notes] says that it is not);
// and the freeze: a process stands still between its invocations, and finds the
// connections that it kept closed. What memory and scratch they took is compared
// with what they have by [Rehearsal.Overruns].
//
// # What it checks while it wires
//
// That a permission lets each rule invoke its target and each URL be called, that
// a queue's policy lets EventBridge bury there, that a role may read the stream
// that feeds its function and send to the queue for its failures, and that the
// templates need nothing that is not rehearsed. Everything that is wrong is
// reported at once, before a function runs.
//
// # Life of a rehearsal
//
// [Start] reads the templates twice: once to create the tables, and again with
// the ARNs of their streams. It then makes queues, secrets, functions, buses,
// event sources and the edge, in this order, and fires each schedule once, as a
// first deployment has it done. [Rehearsal.Close] ends every process.
//
// # What it cannot show
//
// How long AWS takes to start a sandbox, what a processor of theirs does, VPC
// routing, quotas of an account, and whatever the documentation that the parts
// follow does not say.
package rehearsal
