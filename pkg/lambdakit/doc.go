// Package lambdakit runs a service in AWS Lambda.
package lambdakit
