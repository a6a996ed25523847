package wiki

import (
	"context"
	"errors"
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/records"
)

// MaxPage is the largest page that can be saved, in bytes.
const MaxPage = 1_000_000

// Heads is what the engine needs of the records; durability and errors are
// those of records.Heads.
type Heads interface {
	Wiki(ctx context.Context, id string) (records.Wiki, error)
	AdvanceHead(ctx context.Context, c records.HeadChange) (records.Wiki, error)
	IdempotentResult(ctx context.Context, wikiID, key, fingerprint string) ([]byte, error)
}

// Deps is what an Engine stands on. All but Now are needed.
type Deps struct {
	Records Heads
	Git     *gitstore.Store
	Index   *index.Cache
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
}

// Engine reads and writes the pages of every wiki. Safe for concurrent use.
type Engine struct {
	records Heads
	git     *gitstore.Store
	index   *index.Cache
	log     *slog.Logger
	now     func() time.Time
	writers *queues

	mirrored *lru.Cache[string, bool] // wikis whose mirror is known to be right
}

// New returns an engine.
func New(d Deps) (*Engine, error) {
	if d.Records == nil || d.Git == nil || d.Index == nil || d.Log == nil {
		return nil, errors.New("new wiki engine: records, git, index and log are all needed")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	mirrored, err := lru.New[string, bool](maxMirrors)
	if err != nil {
		return nil, err
	}
	return &Engine{
		records: d.Records, git: d.Git, index: d.Index, log: d.Log, now: d.Now,
		writers: newQueues(), mirrored: mirrored,
	}, nil
}

// Author is who a write is by: the person, and the agent they acted through.
type Author struct {
	UserID string
	Name   string
	Email  string
	Agent  string // client name, "" if by hand
	Via    string // "web", "api", "mcp", "cli"
}

// Index returns the index's view of the wiki, at its head or later: page lists,
// links, history, changelog, search.
func (e *Engine) Index(ctx context.Context, w records.Wiki) (*index.View, error) {
	return e.index.At(ctx, w)
}
