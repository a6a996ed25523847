// Package outbound fetches what strangers name: an HTTPS client that cannot be
// turned inward. The address that is connected to is the one that was checked,
// so names that resolve to something else the second time gain nothing.
package outbound
