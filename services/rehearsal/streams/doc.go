// Package streams feeds a function from a table's stream as Lambda's event
// source mapping does.
//
// It owns what AWS promises about that: shards after their parents, the records
// of a shard in order, no shard waiting for another; batches, retries, halving,
// partial failures, maximum age, and the record that is left when all of that was
// in vain. It never looks into a record, and it keeps no place over its own end:
// a new [Poller] starts where its mapping says.
//
// # Life of a batch
//
//  1. The shard's worker reads up to a batch of records. With a window it goes on
//     reading until the batch is full or the window is over.
//  2. The function is invoked with them, in the form of Lambda's DynamoDB event.
//  3. An error means that all of them failed; a response with item failures, where
//     the mapping asks for these, that those from the first failed one on did.
//     What is before it is done.
//  4. What failed is halved, if the mapping says so, and tried again until it
//     succeeds, has been tried often enough or is too old. Then the failure's
//     record, which names the range but holds no items, goes to the destination,
//     and the shard moves on.
//
// Sources: docs.aws.amazon.com/lambda/latest/dg: services-ddb-params.html,
// services-dynamodb-eventsourcemapping.html, services-ddb-batchfailurereporting.html,
// services-dynamodb-errors.html.
package streams
