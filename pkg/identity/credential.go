package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

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

const (
	idLength     = 26 // a ULID
	secretLength = 43 // 256 bits in base64url
)

// NewCredential returns a fresh credential of a user's session or connection.
func NewCredential(userID, id string) Credential {
	return Credential{UserID: userID, ID: id, Secret: newSecret()}
}

func newSecret() string {
	var raw [32]byte
	rand.Read(raw[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// String returns the credential as it is handed out, under a prefix: the user's
// ULID, the other one, the secret. All are of one length, so nothing parts them.
func (c Credential) String(prefix string) string { return prefix + c.UserID + c.ID + c.Secret }

// Hash returns the SHA-256 of the secret in hex: what the records keep. 256
// random bits need no salt and no stretching.
func (c Credential) Hash() string {
	sum := sha256.Sum256([]byte(c.Secret))
	return hex.EncodeToString(sum[:])
}

// ParseCredential reads what String wrote under that prefix. It spares the
// records a look-up for what cannot be one, and compares nothing.
func ParseCredential(prefix, text string) (Credential, bool) {
	text, ok := strings.CutPrefix(text, prefix)
	if !ok || len(text) != 2*idLength+secretLength {
		return Credential{}, false
	}
	c := Credential{UserID: text[:idLength], ID: text[idLength : 2*idLength], Secret: text[2*idLength:]}
	return c, isID(c.UserID) && isID(c.ID) && isSecret(c.Secret)
}

// isID reports whether s is a ULID as [events.NewID] writes it. What passes is
// no key of the records that somebody made up to reach elsewhere.
func isID(s string) bool {
	for i := range len(s) {
		if !strings.Contains("0123456789abcdefghjkmnpqrstvwxyz", s[i:i+1]) {
			return false
		}
	}
	return len(s) == idLength && s[0] <= '7' // 128 bits, not 130
}

// isSecret reports whether s is 256 bits in the one spelling that they have.
func isSecret(s string) bool {
	// The decoder skips line ends, and 43 characters hold two bits too many.
	_, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(s) == secretLength && !strings.ContainsAny(s, "\r\n")
}

// SameHash compares two hashes in constant time. An empty one equals none: a
// record that lacks a hash opens for nobody.
func SameHash(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
