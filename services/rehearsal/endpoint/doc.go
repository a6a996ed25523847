// Package endpoint is the door of AWS's APIs as the functions of a rehearsal
// reach them: it knows who calls, refuses what the caller's role does not allow,
// fails calls on purpose, and counts.
//
// It owns no API's behaviour: that is DynamoDB Local's, or a stand-in's, behind
// it. It reads of a request only what the decision needs: who signed it, which
// action, on which resources. Signatures are not verified: the access key id
// alone tells functions apart, as nothing but functions reaches the door.
//
// # Life of a call
//
//  1. The access key id in the Authorization header names the function.
//  2. The API's description turns the request into one (action, resource) pair
//     for each thing touched: a transaction is judged item by item, as AWS does.
//     The function's policy must allow all of them.
//  3. The dice are rolled. A call may be throttled or fail before it is done, or
//     lose its answer afterwards.
//  4. The call is done, and what it consumed is counted for the function, the
//     action and the resource.
package endpoint
