package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keyvault/keyvaulttest"
	"wikibot.io/pkg/identity/keyvault/signing"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo"
	"wikibot.io/pkg/records/dynamo/dynamolocal"
	"wikibot.io/pkg/records/dynamo/tables"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki"
	"wikibot.io/services/rehearsal/runtimeapi"
)

// Where the fleet pretends to be, and what the edge would say.
const (
	host    = "wikibot.localhost"
	slug    = "notes"
	edgeKey = "the edge's key while coldstart runs"
)

// world is what the functions find: tables, secrets and files with one user and
// one wiki in them.
type world struct {
	dir      string
	emulator *dynamolocal.Server
	secrets  *httptest.Server
	secret   string
	names    map[tables.Name]string
	index    *index.Cache

	session identity.SessionTokens
	token   string
	event   []byte
}

func newWorld(ctx context.Context, dir string) (w *world, err error) {
	w = &world{dir: dir}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.emulator, err = dynamolocal.Start(ctx); err != nil {
		return w, err
	}
	client := w.emulator.DynamoDB()
	if w.names, err = dynamolocal.CreateTables(ctx, client, "coldstart-"); err != nil {
		return w, err
	}
	vault := keyvaulttest.New(keyvaulttest.Options{})
	w.secret = vault.Create("signing-keys")
	w.secrets = httptest.NewServer(vault)
	return w, w.fill(ctx, client)
}

func (w *world) close() {
	if w.index != nil {
		w.index.Close()
	}
	if w.secrets != nil {
		w.secrets.Close()
	}
	if w.emulator != nil {
		w.emulator.Close()
	}
}

// fill makes a user with a session, and their private wiki with a token.
func (w *world) fill(ctx context.Context, client *dynamodb.Client) error {
	log := slog.New(slog.DiscardHandler)
	hosts, err := web.NewHosts("http://" + host)
	if err != nil {
		return err
	}
	store, err := dynamo.New(dynamo.Options{Client: client, Tables: w.names})
	if err != nil {
		return err
	}
	keys, err := signing.NewVault(signing.Options{
		DynamoDB: client, Table: w.names[tables.Keys], Secret: w.secret, Log: log,
		Secrets: secretsmanager.New(secretsmanager.Options{Region: "us-east-1", BaseEndpoint: &w.secrets.URL, Credentials: dynamolocal.Credentials()}),
	})
	if err != nil {
		return err
	}
	user := records.User{ID: events.NewID(time.Now()), Username: "ada", Email: "ada@example.com"}
	if err := store.CreateUser(ctx, user, records.Identity{Provider: "dev", Subject: "ada"}); err != nil {
		return err
	}
	if w.session, err = identity.NewSigner(keys, hosts).Issue(ctx, user, "s1", time.Now(), time.Now().Add(time.Hour)); err != nil {
		return err
	}
	secret, hash := identity.NewWikiToken()
	w.token = secret
	made, err := store.CreateWiki(ctx, records.NewWiki{
		ID: events.NewID(time.Now()), Slug: slug, Name: "Notes", OwnerID: user.ID,
		Token: records.Token{ID: events.NewID(time.Now()), Hash: hash, Name: "default", Role: records.Editor, UserID: user.ID},
	})
	if err != nil {
		return err
	}
	return w.write(ctx, store, made, log)
}

// write puts the first pages into the wiki and publishes their index.
func (w *world) write(ctx context.Context, store *dynamo.Store, made records.Wiki, log *slog.Logger) error {
	git, err := gitstore.Open(filepath.Join(w.dir, "efs", "wikis"), gitstore.Options{})
	if err != nil {
		return err
	}
	if w.index, err = index.New(index.Deps{Git: git, Records: store, Scratch: filepath.Join(w.dir, "scratch"), Log: log}); err != nil {
		return err
	}
	engine, err := wiki.New(wiki.Deps{Records: store, Git: git, Index: w.index, Log: log})
	if err != nil {
		return err
	}
	if err := engine.Bootstrap(ctx, made.ID); err != nil {
		return err
	}
	if err := w.index.Publish(ctx, made.ID); err != nil {
		return err
	}
	created, err := events.New(time.Now(), made.ID, nil, &eventsv1.WikiCreated{})
	if err != nil {
		return err
	}
	w.event, err = events.Marshal(created)
	return err
}

// environment is what a template would give the function.
func (w *world) environment(s routes.Service) []string {
	sum := sha256.Sum256([]byte(edgeKey))
	env := []string{
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_ENDPOINT_URL_DYNAMODB=" + w.emulator.Endpoint,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + w.secrets.URL,
		"WIKIBOT_SERVICE=" + string(s), "WIKIBOT_BASE_URL=http://" + host, "WIKIBOT_EDGE_KEYS=" + hex.EncodeToString(sum[:]),
		"WIKIBOT_DATA=" + filepath.Join(w.dir, "efs"), "WIKIBOT_LOG_LEVEL=WARN",
		"WIKIBOT_BUS=bus", "WIKIBOT_DEAD_LETTERS=" + w.secrets.URL + "/dead",
	}
	if s == routes.Auth {
		env = append(env, "WIKIBOT_SIGN_IN=development", "WIKIBOT_KEYS_SECRET="+w.secret)
	}
	for n := range tables.Access[s] {
		env = append(env, n.Env()+"="+w.names[n])
	}
	return env
}

// request is a function URL's event as it comes from behind the edge.
func (w *world) request(method, at, path string, header map[string]string, body string) runtimeapi.Event {
	e := runtimeapi.Event{
		Version: "2.0", RawPath: path, Body: body,
		Headers:        map[string]string{"x-wikibot-edge": edgeKey, "x-forwarded-host": at, "cloudfront-viewer-address": "198.51.100.10:40000"},
		RequestContext: runtimeapi.EventContext{DomainName: "function.lambda-url.us-east-1.on.aws", HTTP: runtimeapi.EventHTTP{Method: method, Path: path, SourceIP: "192.0.2.1"}},
	}
	for name, v := range header {
		if name == "cookie" {
			e.Cookies = append(e.Cookies, v)
			continue
		}
		e.Headers[name] = v
	}
	if path == "/repo.git/info/refs" {
		e.RawQueryString = "service=git-upload-pack"
	}
	return e
}
