package keydir

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/contracts/events"
)

const (
	bits      = 2048 // what RS256 asks for at least (RFC 7518 section 3.3)
	extension = ".pem"
	blockType = "PRIVATE KEY" // PKCS #8
)

// Keys is an open folder of keys. It is safe for concurrent use.
type Keys struct {
	dir     string
	signing jwk.Key
}

// Open opens the folder and makes it, and a first key in it, where there is
// none. It refuses keys that other users of the machine can read.
func Open(dir string) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open key folder: %w", err)
	}
	keys, err := load(dir)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		if err := generate(dir); err != nil {
			return nil, fmt.Errorf("make a signing key in %s: %w", dir, err)
		}
		if keys, err = load(dir); err != nil {
			return nil, err
		}
	}
	return &Keys{dir: dir, signing: keys[len(keys)-1]}, nil
}

// SigningKey returns the newest private key of those there were at Open.
func (k *Keys) SigningKey(context.Context) (jwk.Key, error) { return k.signing, nil }

// PublicKeys reads the folder anew and returns the public half of every key,
// newest first.
func (k *Keys) PublicKeys(context.Context) (jwk.Set, error) {
	private, err := load(k.dir)
	if err != nil {
		return nil, err
	}
	set := jwk.NewSet()
	for _, key := range slices.Backward(private) {
		public, err := key.PublicKey()
		if err != nil {
			return nil, fmt.Errorf("take the public half of key %s: %w", key.KeyID(), err)
		}
		if err := set.AddKey(public); err != nil {
			return nil, fmt.Errorf("list key %s: %w", key.KeyID(), err)
		}
	}
	return set, nil
}

// load returns the folder's private keys, oldest first.
func load(dir string) ([]jwk.Key, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("read key folder: %w", err)
	}
	var keys []jwk.Key
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), extension) {
			continue
		}
		key, err := read(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read key %s: %w", filepath.Join(dir, e.Name()), err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func read(path string) (jwk.Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("its mode %v lets other users read it: chmod 600 it, and replace it if they may have", info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != blockType {
		return nil, errors.New("it holds no PEM block " + blockType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok || private.N.BitLen() < bits {
		return nil, fmt.Errorf("it is no RSA key of %d bits or more", bits)
	}
	return describe(private)
}

// describe gives the key its kid: the thumbprint (RFC 7638), so that there is
// nothing to store beside the key and no two keys share one.
func describe(private *rsa.PrivateKey) (jwk.Key, error) {
	key, err := jwk.FromRaw(private)
	if err != nil {
		return nil, err
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return key, errors.Join(
		key.Set(jwk.KeyIDKey, base64.RawURLEncoding.EncodeToString(sum)),
		key.Set(jwk.AlgorithmKey, jwa.RS256),
		key.Set(jwk.KeyUsageKey, jwk.ForSignature))
}

// generate adds a key, whole or not at all: a file that is cut short would keep
// the fleet from starting. Two processes that both find the folder empty both
// add one; each verifies what the other signs.
func generate(dir string) error {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails when all went well: it was renamed
	writeErr := pem.Encode(f, &pem.Block{Type: blockType, Bytes: der})
	if err := errors.Join(writeErr, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, events.NewID(time.Now())+extension)); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}
