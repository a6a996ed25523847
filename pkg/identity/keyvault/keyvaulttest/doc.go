// Package keyvaulttest stands in for AWS Secrets Manager: [Secrets] is an
// http.Handler that speaks as much of its protocol (JSON 1.1) as the fleet uses,
// in memory. A client of the SDK reaches it by its BaseEndpoint or by the variable
// AWS_ENDPOINT_URL_SECRETS_MANAGER.
//
// What it does about versions, staging labels and repeated requests is what the
// API reference of Secrets Manager says of GetSecretValue, PutSecretValue and
// UpdateSecretVersionStage. It checks no signature: it never listens by itself,
// and whoever puts it behind a listener sees to it that only they reach it.
package keyvaulttest
