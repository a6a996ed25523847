package identity

// Credential is a secret that finds its own record: it names the user, and what
// of theirs it is the secret of (a session, a connection).
type Credential struct {
	UserID string
	ID     string
	Secret string // 256 random bits, base64url
}

// The prefixes of credentials, for people and for scanners that look for leaked
// secrets.
const (
	// PersonalPrefix begins what "wikibot login" keeps: a bearer token that opens
	// what its user may open.
	PersonalPrefix = "wbp_"
	// RefreshPrefix begins the refresh token of an OAuth client.
	RefreshPrefix = "wbr_"
	// SessionPrefix begins what renews a browser's session.
	SessionPrefix = "wbs_"
)

// NewCredential returns a fresh credential of a user's session or connection.
func NewCredential(userID, id string) Credential { panic("unwritten") }

// String returns the credential as it is handed out, under a prefix.
func (c Credential) String(prefix string) string { panic("unwritten") }

// Hash returns the SHA-256 of the secret in hex: what the records keep.
func (c Credential) Hash() string { panic("unwritten") }

// ParseCredential reads what String wrote under that prefix. It spares the
// records a look-up for what cannot be one, and compares nothing.
func ParseCredential(prefix, text string) (Credential, bool) { panic("unwritten") }

// SameHash compares two hashes in constant time.
func SameHash(a, b string) bool { panic("unwritten") }
