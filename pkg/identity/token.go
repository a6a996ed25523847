package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// TokenPrefix begins every wiki token, for people and for scanners that look
// for leaked secrets.
const TokenPrefix = "wbt_"

// NewWikiToken returns a fresh secret, which is shown once, and the hash under
// which it is kept. The secret has 256 random bits, so a plain hash is enough:
// there is nothing to guess and nothing that stretching would slow down.
func NewWikiToken() (secret, hash string) {
	secret = TokenPrefix + newSecret()
	return secret, HashToken(secret)
}

// HashToken returns the SHA-256 of the whole secret, prefix included, in hex.
func HashToken(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// looksLikeToken spares the records a look-up for what cannot be a token.
func looksLikeToken(s string) bool {
	return len(s) == len(TokenPrefix)+secretLength && strings.HasPrefix(s, TokenPrefix)
}
