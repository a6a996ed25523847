package signing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

const (
	current = "AWSCURRENT" // a new version is labelled pending, so that it is not
	pending = "AWSPENDING" // current for those who look by label before it counts
)

// errNoVersion says that the secret has no such version.
var errNoVersion = errors.New("the secret has no such version")

// bundle is what a version of the secret holds.
type bundle struct {
	Keys []privateKey `json:"keys"` // oldest first
}

type privateKey struct {
	KID       string          `json:"kid"`
	Created   int64           `json:"created"`    // Unix second
	SignsFrom int64           `json:"signs_from"` // Unix second, as was planned
	JWK       json.RawMessage `json:"jwk"`        // with the private half
}

// parse refuses what this package did not write: somebody else's secret must not
// be taken for an empty one and be replaced. Its errors hold nothing of the text.
func parse(text string) (bundle, error) {
	text = strings.TrimSpace(text)
	if text == "" || text == "{}" {
		return bundle{}, nil
	}
	var b bundle
	if json.Unmarshal([]byte(text), &b) != nil || b.Keys == nil {
		return bundle{}, errors.New(`it holds something else than signing keys, and was left alone: check which secret this is, and if it is the right one set it to {"keys":[]}`)
	}
	for _, k := range b.Keys {
		if _, err := k.open(); err != nil {
			return bundle{}, fmt.Errorf("its key %.64q cannot be used: %w", k.KID, err)
		}
	}
	return b, nil
}

type secret struct {
	client *secretsmanager.Client
	id     string // ARN or name
}

// version reads the version of that id, or says errNoVersion.
func (s *secret) version(ctx context.Context, id string) (bundle, error) {
	b, _, err := s.get(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.id, VersionId: &id})
	if err != nil {
		return bundle{}, fmt.Errorf("read version %s of the secret of signing keys: %w", id, err)
	}
	return b, nil
}

// labelled reads the version that is labelled as current, which need not be the
// one that counts. A secret that was never given a value is an empty bundle and
// an empty id.
func (s *secret) labelled(ctx context.Context) (bundle, string, error) {
	b, id, err := s.get(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.id})
	if errors.Is(err, errNoVersion) {
		return bundle{}, "", nil
	}
	if err != nil {
		return bundle{}, "", fmt.Errorf("read the secret of signing keys: %w", err)
	}
	return b, id, nil
}

func (s *secret) get(ctx context.Context, in *secretsmanager.GetSecretValueInput) (bundle, string, error) {
	out, err := s.client.GetSecretValue(ctx, in)
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
		return bundle{}, "", errNoVersion
	}
	if err != nil {
		return bundle{}, "", err
	}
	b, err := parse(aws.ToString(out.SecretString))
	if err == nil && len(out.SecretBinary) > 0 {
		err = errors.New("it is binary")
	}
	return b, aws.ToString(out.VersionId), err
}

// put writes a version of that id. To repeat it changes nothing.
func (s *secret) put(ctx context.Context, id string, b bundle) error {
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("write the secret of signing keys: %w", err)
	}
	_, err = s.client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &s.id, ClientRequestToken: &id, SecretString: aws.String(string(text)), VersionStages: []string{pending},
	})
	if err != nil {
		return fmt.Errorf("write the secret of signing keys: %w", err)
	}
	return nil
}

// label moves the label of the current version from one version to another. It
// fails when from has not got it; "" is for when none has.
func (s *secret) label(ctx context.Context, from, to string) error {
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &s.id, VersionStage: aws.String(current), MoveToVersionId: &to}
	if from != "" {
		in.RemoveFromVersionId = &from
	}
	if _, err := s.client.UpdateSecretVersionStage(ctx, in); err != nil {
		return fmt.Errorf("label version %s of the secret of signing keys as current: %w", to, err)
	}
	return nil
}
