// Package outbound fetches what strangers name: an HTTPS client that cannot be
// turned inward. The address that is connected to is the one that was checked,
// so names that resolve to something else the second time gain nothing.
//
// It owns which addresses are public and which names may be asked for. It never
// sends a cookie or a credential, follows no redirect, and knows nothing of what
// it fetches but type and size.
//
// # Life of a fetch
//
// The URL is checked as text: https, a public name, the usual port. The name is
// resolved, and each address that the dialer is about to connect to is checked by
// its control function, after resolution and before the first packet. The answer
// must come within 5 seconds, be 200, of the type that was asked for, not
// compressed, and no larger than was allowed.
package outbound
