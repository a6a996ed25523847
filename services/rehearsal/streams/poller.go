package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// Mapping is what a template says about an event source.
type Mapping struct {
	Stream   string // ARN
	Function string // ARN
	// Latest: records from before the mapping are left out. Otherwise it starts
	// with the oldest that there are.
	Latest    bool
	BatchSize int           // records; 100 if zero, 10,000 at most
	Window    time.Duration // how long to wait for a full batch
	// Retries after the first attempt; -1 means until the records are too old.
	Retries int
	MaxAge  time.Duration // -1: what the stream keeps is never too old
	Halve   bool          // split a failed batch in two
	// Partial: the function's response names the items that failed.
	Partial bool
}

// Client reads streams; *dynamodbstreams.Client is one.
type Client interface {
	DescribeStream(context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error)
	GetShardIterator(context.Context, *dynamodbstreams.GetShardIteratorInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error)
	GetRecords(context.Context, *dynamodbstreams.GetRecordsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error)
}

// Deps is what a poller stands on.
type Deps struct {
	Client Client
	// Invoke calls the function and waits for its response.
	Invoke func(ctx context.Context, payload []byte) ([]byte, error)
	// DeadLetter keeps the record of a failure. It is tried until it succeeds.
	DeadLetter func(ctx context.Context, record []byte) error
	Log        *slog.Logger
	// Poll is the pause between looks at a shard; 250 ms if zero, as in Lambda.
	Poll time.Duration
	// MaxBackoff is the longest pause between attempts; 1 min if zero.
	MaxBackoff time.Duration
}

// Poller is one mapping at work.
type Poller struct {
	Mapping
	Deps
	mu     sync.Mutex
	shards map[string]*shard
}

type shard struct {
	id, parent string
	done       chan struct{} // closed when the shard ended and all of it was dealt with
	dry        int           // how often nothing was found in it
}

// New checks the mapping.
func New(m Mapping, d Deps) (*Poller, error) {
	var wrong []error
	if m.Stream == "" || m.Function == "" {
		wrong = append(wrong, errors.New("stream and function are needed"))
	}
	if m.BatchSize < 0 || m.BatchSize > 10000 {
		wrong = append(wrong, fmt.Errorf("batch size %d: 1 to 10000", m.BatchSize))
	}
	if m.Window < 0 || m.Window > 5*time.Minute {
		wrong = append(wrong, fmt.Errorf("batching window %v: at most 5 minutes", m.Window))
	}
	if m.Retries < -1 || m.Retries > 10000 {
		wrong = append(wrong, fmt.Errorf("retry attempts %d: -1 to 10000", m.Retries))
	}
	if d.Client == nil || d.Invoke == nil || d.DeadLetter == nil || d.Log == nil {
		wrong = append(wrong, errors.New("Client, Invoke, DeadLetter and Log are needed"))
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("event source mapping of %s: %w", m.Stream, errors.Join(wrong...))
	}
	if m.BatchSize == 0 {
		m.BatchSize = 100
	}
	if d.Poll == 0 {
		d.Poll = 250 * time.Millisecond
	}
	if d.MaxBackoff == 0 {
		d.MaxBackoff = time.Minute
	}
	return &Poller{Mapping: m, Deps: d, shards: map[string]*shard{}}, nil
}

// rediscover is the pause between looks for new shards.
const rediscover = 5 * time.Second

// Run polls until ctx ends, and returns when its workers have.
func (p *Poller) Run(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	for first := true; ; {
		fresh, err := p.discover(ctx)
		if err != nil && ctx.Err() == nil {
			p.Log.Warn("cannot describe the stream", "stream", p.Stream, "err", err)
		}
		for _, s := range fresh {
			// Shards that appear later hold what happened since, whatever the
			// mapping says about its start.
			latest := p.Latest && first
			workers.Go(func() { p.work(ctx, s, latest) })
		}
		if err == nil {
			first = false
		}
		pause := rediscover
		if first {
			pause = p.Poll
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// discover returns the shards that were not known before.
func (p *Poller) discover(ctx context.Context) ([]*shard, error) {
	var fresh []*shard
	var after *string
	for {
		out, err := p.Client.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: &p.Stream, ExclusiveStartShardId: after})
		if err != nil {
			return fresh, err
		}
		for _, s := range out.StreamDescription.Shards {
			if known := p.add(s); known != nil {
				fresh = append(fresh, known)
			}
		}
		after = out.StreamDescription.LastEvaluatedShardId
		if after == nil {
			return fresh, nil
		}
	}
}

// add returns nil for a shard that is known.
func (p *Poller) add(s types.Shard) *shard {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := deref(s.ShardId)
	if p.shards[id] != nil {
		return nil
	}
	p.shards[id] = &shard{id: id, parent: deref(s.ParentShardId), done: make(chan struct{})}
	return p.shards[id]
}

// parent returns a channel that is closed when the shard's parent is done, or
// nil if it has none that the stream still keeps.
func (p *Poller) parent(s *shard) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if parent := p.shards[s.parent]; parent != nil {
		return parent.done
	}
	return nil
}

// work reads one shard to its end.
func (p *Poller) work(ctx context.Context, s *shard, latest bool) {
	if parent := p.parent(s); parent != nil {
		select {
		case <-parent:
		case <-ctx.Done():
			return
		}
	}
	r := reader{poller: p, shard: s.id, latest: latest}
	for {
		batch, open, err := r.batch(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			p.Log.Warn("cannot read the stream", "stream", p.Stream, "shard", s.id, "err", err)
			if !sleep(ctx, p.Poll) {
				return
			}
			continue
		}
		if len(batch) > 0 && !p.deliver(ctx, s.id, batch) {
			return
		}
		if !open {
			close(s.done)
			return
		}
		if len(batch) > 0 {
			continue
		}
		p.mu.Lock()
		s.dry++
		p.mu.Unlock()
		if !sleep(ctx, p.Poll) {
			return
		}
	}
}

// Drain returns when all that was in the stream at the time of the call has been
// dealt with, or ctx ends.
func (p *Poller) Drain(ctx context.Context) error {
	before := map[*shard]int{}
	for {
		waiting := false
		p.mu.Lock()
		for _, s := range p.shards {
			at, known := before[s]
			if !known {
				at, before[s] = s.dry, s.dry
			}
			select {
			case <-s.done:
			default:
				// The look that was under way may have begun before the call.
				waiting = waiting || s.dry < at+2
			}
		}
		waiting = waiting || len(p.shards) == 0
		p.mu.Unlock()
		if !waiting {
			return nil
		}
		if !sleep(ctx, p.Poll) {
			return fmt.Errorf("drain %s: %w", p.Stream, ctx.Err())
		}
	}
}

// sleep reports whether the pause passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
