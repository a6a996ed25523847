package rehearsal_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/visitor"
)

// TestStolenRoleIsOfLittleUse calls AWS as somebody who runs code in a function:
// what is no business of the function is refused, by its role or its network.
// (That all that the functions do themselves is allowed, TestScripts shows.)
func TestStolenRoleIsOfLittleUse(t *testing.T) {
	r := start(t)
	users := tableOf(t, r, "UsersTable")
	wikis := tableOf(t, r, "WikisTable")
	key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "x"}}
	for _, c := range []struct {
		why  string
		as   string
		call func(context.Context, aws.Config) error
	}{
		{"githttp does not write wikis", "githttp", func(ctx context.Context, a aws.Config) error {
			_, err := dynamodb.NewFromConfig(a).UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &wikis, Key: key})
			return err
		}},
		{"wiki does not make users", "wiki", func(ctx context.Context, a aws.Config) error {
			_, err := dynamodb.NewFromConfig(a).PutItem(ctx, &dynamodb.PutItemInput{TableName: &users, Item: key})
			return err
		}},
		{"a transaction is no way around it", "wiki", func(ctx context.Context, a aws.Config) error {
			_, err := dynamodb.NewFromConfig(a).TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{Put: &types.Put{TableName: &users, Item: key}}}})
			return err
		}},
		{"nobody reads a table from end to end", "management", func(ctx context.Context, a aws.Config) error {
			_, err := dynamodb.NewFromConfig(a).Scan(ctx, &dynamodb.ScanInput{TableName: &users})
			return err
		}},
		{"wiki puts nothing on the bus", "wiki", func(ctx context.Context, a aws.Config) error {
			_, err := eventbridge.NewFromConfig(a).PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
				EventBusName: aws.String(r.Buses()[0]), Source: aws.String("wikibot"), DetailType: aws.String("wiki.deleted"), Detail: aws.String("{}"),
			}}})
			return err
		}},
		{"management does not read the signing keys", "management", func(ctx context.Context, a aws.Config) error {
			_, err := secretsmanager.NewFromConfig(a).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(secretOf(t, r))})
			return err
		}},
	} {
		err := c.call(t.Context(), as(r, c.as))
		if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "AccessDeniedException" {
			t.Errorf("%s: %v, want access denied", c.why, err)
		}
	}
	if _, err := secretsmanager.NewFromConfig(as(r, "auth")).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(secretOf(t, r))}); err != nil {
		t.Errorf("auth reads the signing keys: %v; so the refusals above may have another reason", err)
	}
}

// as makes clients that call as a function does.
func as(r *rehearsal.Rehearsal, service string) aws.Config {
	vars := map[string]string{}
	for _, line := range r.Environment(service) {
		name, value, _ := strings.Cut(line, "=")
		vars[name] = value
	}
	return aws.Config{
		Region: vars["AWS_REGION"], Credentials: credentials.NewStaticCredentialsProvider(vars["AWS_ACCESS_KEY_ID"], "x", ""),
		Retryer:       func() aws.Retryer { return aws.NopRetryer{} },
		ConfigSources: []any{endpoints(vars)},
	}
}

// endpoints answers the SDK's question for a service's endpoint.
type endpoints map[string]string

func (e endpoints) GetServiceBaseEndpoint(_ context.Context, id string) (string, bool, error) {
	url, ok := e["AWS_ENDPOINT_URL_"+strings.ToUpper(strings.ReplaceAll(id, " ", "_"))]
	return url, ok, nil
}

func (endpoints) GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error) {
	return false, false, nil
}

func tableOf(t *testing.T, r *rehearsal.Rehearsal, logicalID string) string {
	t.Helper()
	return named(t, r, "AWS::DynamoDB::Table", logicalID)
}

func secretOf(t *testing.T, r *rehearsal.Rehearsal) string {
	t.Helper()
	return named(t, r, "AWS::SecretsManager::Secret", "SigningKeys")
}

// named returns the Ref of a resource.
func named(t *testing.T, r *rehearsal.Rehearsal, typ, logicalID string) string {
	t.Helper()
	for _, res := range r.Deployment().Resources(typ) {
		if res.LogicalID == logicalID {
			return res.Ref()
		}
	}
	t.Fatalf("the templates have no %s %s", typ, logicalID)
	return ""
}

// TestPrivatePageLeaksFromCache asks the edge for private pages as strangers do,
// after those who may read them did, at every address and in every spelling that
// could share an entry of the cache.
func TestPrivatePageLeaksFromCache(t *testing.T) {
	r := start(t)
	ada := signUp(t, r, "ada", false)
	eve := signUp(t, r, "eve", true)
	const secret = "the secret of ada"
	if a, err := ada.Save(t.Context(), "Diary", secret); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("save: %d, %v: %s", a.Status, err, a.Body)
	}
	for _, path := range []string{"/Diary", "/Diary?x=1", "/-/history/Diary", "/-/changelog", "/api/v1/pages/Diary", "/api/v1/search?q=secret"} {
		for range 2 { // so that it would be kept
			if a, err := ada.Get(t.Context(), ada.Wiki(path), false); err != nil || a.Status >= 500 {
				t.Fatalf("%s: %d, %v", path, a.Status, err)
			}
			if a, err := ada.Get(t.Context(), ada.Wiki(path), true, "Authorization", "Bearer "+ada.Token); err != nil || a.Status >= 500 {
				t.Fatalf("%s: %d, %v", path, a.Status, err)
			}
		}
		for who, get := range strangers(t, ada, eve) {
			a, err := get(ada.Wiki(path))
			if err != nil || a.Status == http.StatusOK || strings.Contains(string(a.Body), secret) {
				t.Errorf("%s asks for %s: status %d, %v (%s)", who, path, a.Status, err, a.Header.Get("X-Cache"))
			}
		}
	}
	// A public page does come from the cache's entry for its own host alone.
	if a, err := eve.Save(t.Context(), "Diary", "words of eve"); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("save: %d, %v: %s", a.Status, err, a.Body)
	}
	for range 2 {
		if a, err := eve.Get(t.Context(), eve.Wiki("/Diary"), true); err != nil || a.Status != http.StatusOK || !strings.Contains(string(a.Body), "words of eve") {
			t.Errorf("a public page: %d, %v", a.Status, err)
		}
	}
	if a, err := ada.View(t.Context(), "Diary"); err != nil || !strings.Contains(string(a.Body), secret) {
		t.Errorf("ada reads her own page: %d, %v", a.Status, err)
	}
}

// strangers are those who may not read ada's wiki.
func strangers(t *testing.T, ada, eve *visitor.Visitor) map[string]func(string) (visitor.Answer, error) {
	ctx := t.Context()
	return map[string]func(string) (visitor.Answer, error){
		"nobody":               func(u string) (visitor.Answer, error) { return ada.Get(ctx, u, true) },
		"nobody, as a browser": func(u string) (visitor.Answer, error) { return ada.Get(ctx, u, true, "Accept", "text/html") },
		"eve, signed in":       func(u string) (visitor.Answer, error) { return eve.Get(ctx, u, false) },
		"eve, with her token": func(u string) (visitor.Answer, error) {
			return eve.Get(ctx, u, true, "Authorization", "Bearer "+eve.Token)
		},
		"nobody, as another host": func(u string) (visitor.Answer, error) {
			return ada.Get(ctx, u, true, "X-Forwarded-Host", "eve.wikibot.localhost")
		},
		"nobody, with an edge key": func(u string) (visitor.Answer, error) { return ada.Get(ctx, u, true, "X-Wikibot-Edge", "guess") },
	}
}
