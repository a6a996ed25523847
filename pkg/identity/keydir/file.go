package keydir

import (
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
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/oklog/ulid/v2"

	"wikibot.io/contracts/events"
)

const (
	bits       = 2048 // what RS256 asks for at least (RFC 7518 section 3.3)
	extension  = ".pem"
	unfinished = ".new-"       // begins the names of files that are being written
	blockType  = "PRIVATE KEY" // PKCS #8
)

func readKey(path string) (key, error) {
	private, err := read(path)
	if err != nil {
		return key{}, err
	}
	name := filepath.Base(path)
	id, err := ulid.ParseStrict(strings.TrimSuffix(name, extension))
	if err != nil {
		return key{}, errors.New("its name is no time: keys are made by this program alone, see wikibot admin rotate-keys")
	}
	return key{name: name, from: ulid.Time(id.Time()), private: private}, nil
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

// generate adds a key that signs from a time on, whole or not at all: a file that
// is cut short would keep the fleet from starting.
func generate(dir string, from time.Time) error {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, unfinished+"*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails when all went well: it was renamed
	writeErr := pem.Encode(f, &pem.Block{Type: blockType, Bytes: der})
	if err := errors.Join(writeErr, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, events.NewID(from)+extension)); err != nil {
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
