// Package edge stands in for CloudFront: it reads the distributions of a
// deployment's templates and does to requests and responses what CloudFront
// would do to them, so that what the edge breaks, leaks or lets through shows
// before anything is deployed.
//
// It follows the CloudFront Developer Guide, above all "Request and response
// behavior for custom origins", "Manage how long content stays in the cache",
// "How CloudFront caches HTTP 4xx and 5xx status codes" and "CloudFront
// Functions event structure". Where the guide leaves room, the emulation does
// what hurts most: headers named CloudFront-* that no policy adds pass from the
// viewer to the origin, and errors are kept even where caching is disabled.
//
// # The life of a request through it
//
//  1. The host picks the distribution, by its aliases. The path, normalized,
//     picks the cache behavior; the method must be among the allowed ones.
//  2. The viewer-request function runs, on the code that would be deployed. It
//     may change the request or answer it.
//  3. The cache is asked, under the key that the cache policy describes. The key
//     has no host in it unless the policy names a header that carries one.
//  4. On a miss the request goes to the origin with what cache policy and origin
//     request policy let through and what CloudFront adds. What is stale is
//     revalidated.
//  5. The origin-response function (Lambda@Edge) runs on the answer, whatever its
//     status; then the answer is kept if the headers and TTLs say so.
//  6. The response headers policy is applied and the viewer-response function
//     runs, unless the origin's status is 400 or more. The body passes through
//     as it comes, chunk by chunk.
//
// # What it does not do
//
// It has one edge location and no regional cache. It does not hold simultaneous
// requests for one key back (CloudFront does not either where cookies are
// forwarded), hand on what an origin answers before it has read the request's
// body whole (a function URL never does that), keep parts of objects that were fetched by range, or upgrade to
// WebSocket; TLS, WAF, timeouts, retries, logs and Brotli are absent. Settings
// that it does not know are errors of [New], not ignored.
package edge
