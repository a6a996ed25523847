package identity

// CommitEmail is the address that commits by a user carry. A wiki can be cloned
// by whoever may read it, so a person's real address never goes into one. The
// domain is the root host without a port.
func CommitEmail(username, domain string) string {
	return username + "@users." + domain
}
