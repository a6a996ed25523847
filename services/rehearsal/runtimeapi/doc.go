// Package runtimeapi runs a function's real binary as Lambda would: it starts
// processes on demand, hands them invocations over the Lambda Runtime API, ends
// them when they overrun their time, and puts a function URL in front of them.
// It knows nothing of what the function does, and nothing of the fleet.
//
// # Life of an invocation
//
// [Function.Invoke] takes an idle process or starts one, and throttles beyond
// the function's concurrency. A process has its own Runtime API endpoint (in
// AWS_LAMBDA_RUNTIME_API) and its own TMPDIR, as a sandbox does. It calls
// …/invocation/next, which answers with the payload and the deadline; it
// answers with …/response, whose body is handed on as it arrives, or with
// …/error; and it is idle again when it asks for the next one. If the function is
// to be frozen, an idle process is stopped, and continued for its next
// invocation: what it left running stands still in between. A process that
// exits in between has failed the invocation; one that outlives the deadline is
// killed together with what it started.
//
// [Function.ServeHTTP] does the same for a request that comes to the function's
// URL: the request becomes an event of payload format 2.0, the response stream
// (a JSON prelude, eight NULs, the body) becomes an answer, chunk by chunk.
//
// # Sources
//
// docs.aws.amazon.com/lambda/latest/dg: runtimes-api.html,
// lambda-runtime-environment.html, urls-invocation.html,
// config-rs-write-functions.html and gettingstarted-limits.html.
package runtimeapi
