package signing

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/identity/keyvault/internal/keytable"
)

const bits = 2048 // what RS256 asks for at least (RFC 7518 section 3.3)

// generate makes a key. Its kid is the thumbprint (RFC 7638), so that a kid in
// the table and a key in the secret cannot be taken for a pair if they are none.
func generate(created, signsFrom int64) (privateKey, keytable.Key, error) {
	k, public, err := newPair()
	if err != nil {
		return privateKey{}, keytable.Key{}, fmt.Errorf("make a signing key: %w", err)
	}
	k.Created, k.SignsFrom, public.Created, public.SignsFrom = created, signsFrom, created, signsFrom
	return k, public, nil
}

func newPair() (k privateKey, public keytable.Key, err error) {
	raw, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return k, public, err
	}
	key, err := jwk.FromRaw(raw)
	if err != nil {
		return k, public, err
	}
	kid, err := thumbprint(key)
	if err != nil {
		return k, public, err
	}
	err = errors.Join(key.Set(jwk.KeyIDKey, kid), key.Set(jwk.AlgorithmKey, jwa.RS256), key.Set(jwk.KeyUsageKey, jwk.ForSignature))
	if err != nil {
		return k, public, err
	}
	k.KID = kid
	if k.JWK, err = json.Marshal(key); err != nil {
		return k, public, err
	}
	public, err = k.public()
	return k, public, err
}

// open returns the key, if it is one to sign with.
func (k privateKey) open() (jwk.Key, error) {
	key, err := jwk.ParseKey(k.JWK)
	if err != nil {
		return nil, errors.New("it is no JSON Web Key") // err may quote the key
	}
	var raw rsa.PrivateKey
	if key.KeyType() != jwa.RSA || key.Raw(&raw) != nil || raw.N.BitLen() < bits || raw.Validate() != nil {
		return nil, fmt.Errorf("it is no private RSA key of %d bits or more", bits)
	}
	kid, err := thumbprint(key)
	if err != nil || kid != k.KID || key.KeyID() != kid {
		return nil, errors.New("its kid is not its thumbprint")
	}
	return key, nil
}

// public returns what the table may know of the key.
func (k privateKey) public() (keytable.Key, error) {
	key, err := k.open()
	if err != nil {
		return keytable.Key{}, err
	}
	half, err := key.PublicKey()
	if err != nil {
		return keytable.Key{}, err
	}
	text, err := json.Marshal(half)
	if err != nil {
		return keytable.Key{}, err
	}
	return keytable.Key{KID: k.KID, Created: k.Created, SignsFrom: k.SignsFrom, JWK: string(text)}, nil
}

// publishes reports whether the table's entry is the public half of the key.
func publishes(entry keytable.Key) bool {
	key, err := jwk.ParseKey([]byte(entry.JWK))
	if err != nil || key.KeyID() != entry.KID {
		return false
	}
	kid, err := thumbprint(key)
	return err == nil && kid == entry.KID
}

func thumbprint(key jwk.Key) (string, error) {
	sum, err := key.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

// newVersion names a version of the secret: 32 characters at least.
func newVersion() string {
	var id [16]byte
	rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}
