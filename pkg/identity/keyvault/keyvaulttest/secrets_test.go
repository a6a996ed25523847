package keyvaulttest_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/identity/keyvault/keyvaulttest"
)

func client(t *testing.T, s *keyvaulttest.Secrets) *secretsmanager.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return secretsmanager.New(secretsmanager.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond }),
	})
}

var a, b, c = strings.Repeat("a", 32), strings.Repeat("b", 32), strings.Repeat("c", 32)

// TestVersions walks through what the SDK's client can do, in order.
func TestVersions(t *testing.T) {
	s := keyvaulttest.New(keyvaulttest.Options{})
	arn, sm, ctx := s.Create("keys"), client(t, s), t.Context()
	get := func(in *secretsmanager.GetSecretValueInput, want string) {
		t.Helper()
		in.SecretId = &arn
		out, err := sm.GetSecretValue(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		if *out.SecretString != want || *out.Name != "keys" || *out.ARN != arn {
			t.Errorf("got %q of %s, want %q", *out.SecretString, *out.ARN, want)
		}
	}
	put := func(id, text string, labels ...string) error {
		_, err := sm.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: aws.String("keys"), ClientRequestToken: &id, SecretString: &text, VersionStages: labels})
		return err
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := sm.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
		t.Errorf("without a value: %v", err)
	}
	must(put(a, "one", "AWSPENDING"))
	get(&secretsmanager.GetSecretValueInput{}, "one") // the first version is current whatever was asked for
	must(put(b, "two", "AWSPENDING"))
	must(put(b, "two", "AWSPENDING"))
	if _, ok := errors.AsType[*types.ResourceExistsException](put(b, "other")); !ok {
		t.Error("a version was changed")
	}
	get(&secretsmanager.GetSecretValueInput{}, "one")
	get(&secretsmanager.GetSecretValueInput{VersionStage: aws.String("AWSPENDING")}, "two")
	get(&secretsmanager.GetSecretValueInput{VersionId: &b}, "two")

	move := func(from, to *string) error {
		_, err := sm.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
			SecretId: &arn, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: to, RemoveFromVersionId: from,
		})
		return err
	}
	for why, from := range map[string]*string{"from nowhere": nil, "from a version that has it not": &c} {
		if _, ok := errors.AsType[*types.InvalidParameterException](move(from, &b)); !ok {
			t.Errorf("moved %s", why)
		}
	}
	if _, ok := errors.AsType[*types.ResourceNotFoundException](move(&a, &c)); !ok {
		t.Error("moved to a version that is none")
	}
	must(move(&a, &b))
	must(move(&a, &b)) // it is there
	get(&secretsmanager.GetSecretValueInput{}, "two")
	get(&secretsmanager.GetSecretValueInput{VersionStage: aws.String("AWSPREVIOUS")}, "one")
	must(put(c, "three"))
	get(&secretsmanager.GetSecretValueInput{}, "three")
	s.Sweep()
	if diff := cmp.Diff(map[string]string{b: "two", c: "three"}, s.Versions("keys")); diff != "" {
		t.Errorf("after the sweep (-want +got):\n%s", diff)
	}
	if got, ok := s.Value(arn); got != "three" || !ok {
		t.Errorf("value %q", got)
	}
}

func TestUnknown(t *testing.T) {
	s := keyvaulttest.New(keyvaulttest.Options{})
	sm := client(t, s)
	_, err := sm.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("none")})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
		t.Errorf("no such secret: %v", err)
	}
	_, err = sm.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{})
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "UnknownOperationException" {
		t.Errorf("an operation it does not know: %v", err)
	}
}

// TestFail: the SDK tries again what was told to fail.
func TestFail(t *testing.T) {
	asked := 0
	s := keyvaulttest.New(keyvaulttest.Options{Fail: func(operation string) bool {
		if operation != "GetSecretValue" {
			t.Errorf("asked about %q", operation)
		}
		asked++
		return asked < 3
	}})
	arn := s.Create("keys")
	s.Put(arn, "one")
	if _, err := client(t, s).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &arn}); err != nil || asked != 3 {
		t.Errorf("%v after %d attempts", err, asked)
	}
}
