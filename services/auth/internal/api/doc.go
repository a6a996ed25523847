// Package api is the account as the management app sees it: /api/account on the
// root host, typed, described by OpenAPI. It takes a browser's session and no
// other proof.
package api
