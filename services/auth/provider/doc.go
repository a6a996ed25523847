// Package provider asks those who know people who somebody is: any OpenID
// Connect issuer ([OIDC]), or WorkOS AuthKit ([WorkOS]). It speaks their
// protocols and believes nothing that they did not sign or say over TLS. It keeps
// nothing, draws nothing, and knows no users of ours: package auth does.
package provider
