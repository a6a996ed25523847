package provider

import "net/http"

// WorkOSOptions is an application at WorkOS.
type WorkOSOptions struct {
	ClientID string // client_…
	APIKey   string // sk_…
	BaseURL  string // "" means https://api.workos.com
	Client   *http.Client
}

// WorkOS signs in with WorkOS AuthKit by its user management API: Google, GitHub,
// Microsoft, Apple, or AuthKit's own page. The subject at the provider behind it
// is an identity of its own, so that one can leave.
func WorkOS(o WorkOSOptions) (Provider, error) { panic("unwritten") }
