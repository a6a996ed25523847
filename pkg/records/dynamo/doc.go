// Package dynamo is the records' driver for DynamoDB.
package dynamo
