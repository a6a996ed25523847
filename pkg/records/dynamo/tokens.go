package dynamo

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

// tokenItem is a token under its hash, in the table tokens.
type tokenItem struct {
	PK        string       `dynamodbav:"pk"`
	SK        string       `dynamodbav:"sk"`
	Hash      string       `dynamodbav:"hash"`
	ID        string       `dynamodbav:"id"`
	WikiID    string       `dynamodbav:"wiki_id"`
	UserID    string       `dynamodbav:"user_id"`
	Name      string       `dynamodbav:"name"`
	Role      records.Role `dynamodbav:"role"`
	CreatedAt int64        `dynamodbav:"created_at"`
	Until     int64        `dynamodbav:"until,omitempty"` // when it ends: it is still listed then
	LastUsed  int64        `dynamodbav:"last_used,omitempty"`
	LastAgent string       `dynamodbav:"last_agent,omitempty"`
	Touches   touches      `dynamodbav:"touches,omitempty"`
	Touched   int64        `dynamodbav:"touched,omitempty"` // counts the writes of the three above
}

// touches are records.Touches, each agent with a letter before it: DynamoDB has no
// empty names, and some clients do not say what they are.
type touches map[string]int64

const agentPrefix = "a"

func newTouches(of records.Touches) touches {
	t := touches{}
	for agent, last := range of {
		t[agentPrefix+agent] = last
	}
	return t
}

func (t touches) touches() records.Touches {
	of := records.Touches{}
	for agent, last := range t {
		of[strings.TrimPrefix(agent, agentPrefix)] = last
	}
	return of
}

// tokenName reserves a token's name in its wiki and leads to it, in the table
// tokens.
type tokenName struct {
	PK   string `dynamodbav:"pk"`
	SK   string `dynamodbav:"sk"`
	ID   string `dynamodbav:"id"`
	Hash string `dynamodbav:"hash"`
}

func tokenKey(hash string) attributes { return sorted("hash#"+hash, "token") }

func nameKey(wikiID, name string) attributes { return sorted("wiki#"+wikiID, "name#"+name) }

func newTokenItem(t records.Token) tokenItem {
	return tokenItem{
		PK: "hash#" + t.Hash, SK: "token", Hash: t.Hash, ID: t.ID, WikiID: t.WikiID, UserID: t.UserID, Name: t.Name, Role: t.Role,
		CreatedAt: nanos(t.CreatedAt), Until: nanos(t.ExpiresAt), LastUsed: nanos(t.LastUsed), LastAgent: t.LastAgent,
	}
}

func newTokenName(t records.Token) tokenName {
	return tokenName{PK: "wiki#" + t.WikiID, SK: "name#" + t.Name, ID: t.ID, Hash: t.Hash}
}

func (i tokenItem) token() records.Token {
	return records.Token{
		ID: i.ID, Hash: i.Hash, WikiID: i.WikiID, UserID: i.UserID, Name: i.Name, Role: i.Role,
		CreatedAt: instant(i.CreatedAt), ExpiresAt: instant(i.Until), LastUsed: instant(i.LastUsed), LastAgent: i.LastAgent,
	}
}

// CreateToken implements [records.Tokens].
func (s *Store) CreateToken(ctx context.Context, t records.Token) error {
	what := "create token " + t.Name + " of wiki " + t.WikiID
	if err := s.checkToken(what, &t); err != nil {
		return err
	}
	b := s.begin()
	wiki := b.check(tables.Wikis, key(t.WikiID), living, nil)
	b.put(tables.Tokens, newTokenItem(t), free, nil)
	b.put(tables.Tokens, newTokenName(t), free, nil)
	no, err := b.commit(ctx)
	switch {
	case no == nil:
		return explain(err, "%s", what)
	case no.failed[wiki]:
		return absent("%s", what)
	}
	return exists(what, no.taken("", "hash", "name"))
}

func (s *Store) checkToken(what string, t *records.Token) error {
	if err := t.Check(); err != nil {
		return err
	}
	if !keyable(t.WikiID) {
		return absent("%s", what)
	}
	t.CreatedAt = s.orNow(t.CreatedAt)
	return needKeys(what, "hash", t.Hash, "name", t.Name)
}

// ReplaceToken implements [records.Tokens].
func (s *Store) ReplaceToken(ctx context.Context, t records.Token) error {
	what := "replace token " + t.Name + " of wiki " + t.WikiID
	if err := s.checkToken(what, &t); err != nil {
		return err
	}
	for range rounds {
		old, ok, err := get[tokenName](ctx, s, tables.Tokens, nameKey(t.WikiID, t.Name))
		if err != nil {
			return explain(err, "%s", what)
		}
		b := s.begin()
		wiki := b.check(tables.Wikis, key(t.WikiID), living, nil)
		hash := -1
		switch {
		case !ok:
			b.put(tables.Tokens, newTokenName(t), free, nil)
			hash = b.put(tables.Tokens, newTokenItem(t), free, nil)
		case old.Hash == t.Hash: // the very same secret: one item may not be in a transaction twice
			b.put(tables.Tokens, newTokenName(t), "#hash = :old", values{":old": old.Hash})
			b.put(tables.Tokens, newTokenItem(t), "", nil)
		default:
			b.put(tables.Tokens, newTokenName(t), "#hash = :old", values{":old": old.Hash})
			hash = b.put(tables.Tokens, newTokenItem(t), free, nil)
			b.delete(tables.Tokens, tokenKey(old.Hash), "", nil)
		}
		no, err := b.commit(ctx)
		switch {
		case no == nil:
			return explain(err, "%s", what)
		case no.failed[wiki]:
			return absent("%s", what)
		case hash >= 0 && no.failed[hash]:
			return exists(what, []string{"hash"})
		}
		// Another has replaced it since it was read.
	}
	return tired(what)
}

// TokenByHash implements [records.Tokens].
func (s *Store) TokenByHash(ctx context.Context, hash string) (records.Token, error) {
	item, err := s.tokenItem(ctx, hash)
	return item.token(), explain(err, "read a token")
}

func (s *Store) tokenItem(ctx context.Context, hash string) (tokenItem, error) {
	if !keyable(hash) {
		return tokenItem{}, absent("read a token")
	}
	item, ok, err := get[tokenItem](ctx, s, tables.Tokens, tokenKey(hash))
	if err == nil && !ok {
		err = absent("read a token")
	}
	return item, err
}

// TokensOfWiki implements [records.Tokens]. Uses are noted under the hash alone,
// which is cheap where it happens often; so a list takes a second request. A
// token revoked between the two is left away.
func (s *Store) TokensOfWiki(ctx context.Context, wikiID string) ([]records.Token, error) {
	what := "list the tokens of wiki " + wikiID
	if !keyable(wikiID) {
		return nil, nil
	}
	names, err := query[tokenName](ctx, s, tables.Tokens, "wiki#"+wikiID, "name#")
	if err != nil {
		return nil, explain(err, "%s", what)
	}
	keys := make([]attributes, len(names))
	for i, n := range names {
		keys[i] = tokenKey(n.Hash)
	}
	items, err := batchGet[tokenItem](ctx, s, tables.Tokens, keys)
	if err != nil {
		return nil, explain(err, "%s", what)
	}
	byHash := map[string]tokenItem{}
	for _, i := range items {
		byHash[i.Hash] = i
	}
	var out []records.Token
	for _, n := range names {
		if i, ok := byHash[n.Hash]; ok {
			out = append(out, i.token())
		}
	}
	return out, nil
}

// batchGet reads items by key, strongly consistent, in no order.
func batchGet[T any](ctx context.Context, s *Store, n tables.Name, keys []attributes) ([]T, error) {
	table, err := s.table(n)
	if err != nil {
		return nil, err
	}
	var items []T
	err = s.inBatches(ctx, keys, 100, func(some []attributes) ([]attributes, error) {
		out, err := send(ctx, s.call(), s.db.BatchGetItem, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{table: {Keys: some, ConsistentRead: aws.Bool(true)}},
		})
		if err != nil {
			return nil, err
		}
		for _, a := range out.Responses[table] {
			item, err := decode[T](a)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		return out.UnprocessedKeys[table].Keys, nil
	})
	return items, err
}

// RevokeToken implements [records.Tokens].
func (s *Store) RevokeToken(ctx context.Context, wikiID, id string) error {
	what := "revoke token " + id + " of wiki " + wikiID
	if !keyable(wikiID) {
		return absent("%s", what)
	}
	names, err := query[tokenName](ctx, s, tables.Tokens, "wiki#"+wikiID, "name#")
	if err != nil {
		return explain(err, "%s", what)
	}
	for _, n := range names {
		if n.ID != id {
			continue
		}
		t := s.begin()
		t.delete(tables.Tokens, sorted(n.PK, n.SK), "#hash = :hash", values{":hash": n.Hash})
		t.delete(tables.Tokens, tokenKey(n.Hash), "", nil)
		no, err := t.commit(ctx)
		if no != nil {
			break // another has revoked or replaced it
		}
		return explain(err, "%s", what)
	}
	return absent("%s", what)
}

// TouchToken implements [records.Tokens]. Whoever loses a race to note a use has
// been overtaken by another use within the blink of an eye, and lets it be once
// it has tried again.
func (s *Store) TouchToken(ctx context.Context, hash string, at time.Time, agent string) error {
	const what = "note the use of a token"
	for range 3 {
		item, err := s.tokenItem(ctx, hash)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return explain(err, what)
		}
		t := item.token()
		used := item.Touches.touches()
		if !used.Due(t, at, agent) {
			return nil
		}
		last, by := at, agent
		if at.Before(t.LastUsed) { // the clocks of several hosts differ
			last, by = t.LastUsed, t.LastAgent
		}
		_, changed, _, err := s.apply(ctx, update{
			tables.Tokens, tokenKey(hash), "SET #last_used = :last, #last_agent = :by, #touches = :touches, #touched = :touched",
			"attribute_exists(#pk) AND (#touched = :before OR (attribute_not_exists(#touched) AND :before = :none))",
			values{
				":last": nanos(last), ":by": by, ":touches": newTouches(used.Note(at, agent)),
				":touched": item.Touched + 1, ":before": item.Touched, ":none": 0,
			},
		})
		if err != nil || changed {
			return explain(err, what)
		}
	}
	return nil
}
