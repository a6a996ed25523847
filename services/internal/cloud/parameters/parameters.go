package parameters

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"wikibot.io/pkg/fault"
)

const (
	fresh   = 5 * time.Minute  // then the parameter is read again
	keep    = 6 * time.Hour    // so long is it used if that fails
	pause   = 10 * time.Second // between two attempts
	timeout = 5 * time.Second  // of one
)

// Parameter is one encrypted parameter. It is safe for concurrent use.
type Parameter struct {
	client *ssm.Client
	name   string
	now    func() time.Time

	mu    sync.Mutex
	value string
	read  time.Time // zero before the first success
	tried time.Time
	err   error // of the attempt at tried
}

// New returns the parameter of that name. It reads nothing yet; the role needs
// ssm:GetParameter.
func New(client *ssm.Client, name string) (*Parameter, error) {
	if client == nil || name == "" {
		return nil, errors.New("open parameter: client and name are both needed")
	}
	return &Parameter{client: client, name: name, now: func() time.Time { return time.Now().Round(0) }}, nil
}

// Value returns what the parameter says. fault.Unavailable when it cannot be
// read and what it said before is too old.
func (p *Parameter) Value(ctx context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.value != "" && now.Sub(p.read) < fresh {
		return p.value, nil
	}
	if p.tried.IsZero() || now.Sub(p.tried) >= pause {
		p.refresh(ctx, now)
	}
	if p.value != "" && now.Sub(p.read) < keep {
		return p.value, nil
	}
	return "", fault.Wrap(p.err, fault.Unavailable, "read a secret of this installation: it cannot be had")
}

func (p *Parameter) refresh(ctx context.Context, now time.Time) {
	// It serves all requests, so the first one's cancellation must not end it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	decrypt := true
	out, err := p.client.GetParameter(ctx, &ssm.GetParameterInput{Name: &p.name, WithDecryption: &decrypt})
	if err == nil && (out.Parameter == nil || out.Parameter.Value == nil || *out.Parameter.Value == "") {
		err = errors.New("it is empty")
	}
	if p.tried, p.err = now, err; err == nil {
		p.value, p.read = *out.Parameter.Value, now
	}
}
