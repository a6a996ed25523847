package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"wikibot.io/services/rehearsal"
)

// measured is one thing that is timed.
type measured struct {
	name string
	bar  time.Duration // of the median; 0: none
	from string        // whose bar it is
	less time.Duration // what the bar leaves out
	// within: the bar is about the function, not about what a client sees.
	within bool
	runs   int
	do     func(context.Context) error
}

// times prints what takes how long, and reports whether the bars are met.
func (s *stage) times(ctx context.Context, out io.Writer) (bool, error) {
	read, err := s.recordRead(ctx)
	if err != nil {
		return false, err
	}
	cold := func(do func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			s.Reset()
			return do(ctx)
		}
	}
	view := func(ctx context.Context) error { return s.ok(s.who.View(ctx, page(7))) }
	restRead := func(ctx context.Context) error { _, err := s.who.Read(ctx, page(7)); return err }
	list := []measured{
		{"record read (strongly consistent, at the functions' door)", 0, "", 0, false, s.Runs, read},
		{"page view, warm", 5 * time.Millisecond, "design: beyond the record reads", 0, true, s.Runs, view},
		{"page save, new page", 150 * time.Millisecond, "design", 0, true, s.Runs / 4, s.save},
		{"first view, functions cold", 500 * time.Millisecond, "design", 0, false, s.Cold, cold(view)},
		{"REST read, warm", 100 * time.Millisecond, "a fifth of 500 ms", 0, false, s.Runs, restRead},
		{"REST write, warm", 200 * time.Millisecond, "a fifth of 1 s", 0, false, s.Runs / 4, s.save},
		{"REST read, functions cold", time.Second, "a fifth of 5 s", 0, false, s.Cold, cold(restRead)},
		{"REST write, functions cold", time.Second, "a fifth of 5 s", 0, false, s.Cold, cold(s.save)},
		{"MCP read_note, warm", 100 * time.Millisecond, "a fifth of 500 ms", 0, false, s.Runs, s.toolRead},
		{"MCP write_note, warm", 200 * time.Millisecond, "a fifth of 1 s", 0, false, s.Runs / 4, s.toolWrite},
	}
	fmt.Fprint(out, "Within: as the function's own log says, without the stand-ins for the edge and for Lambda. The first two bars are about that, the others about what a client sees.\n\n"+
		"| | client: median | p99 | within: median | p99 | bar | ratio |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	met, reads := true, time.Duration(0)
	for _, m := range list {
		took, err := m.time(ctx)
		if err != nil {
			return false, fmt.Errorf("%s: %w", m.name, err)
		}
		inside := s.log.take(m.runs)
		switch {
		case m.bar == 0:
			reads = at(took, 50)
		case strings.Contains(m.from, "beyond"):
			n, err := s.readsOf(ctx, view)
			if err != nil {
				return false, err
			}
			m.less = time.Duration(n) * reads
			m.from += fmt.Sprintf(": %d of them, %s", n, ms(m.less))
		}
		met = m.row(out, took, inside) && met
	}
	fmt.Fprintln(out)
	return met, nil
}

// row prints a line and reports whether the bar is met.
func (m measured) row(out io.Writer, took, inside []time.Duration) bool {
	fmt.Fprintf(out, "| %s | %s | %s | ", m.name, ms(at(took, 50)), ms(at(took, 99)))
	if m.bar == 0 {
		fmt.Fprintln(out, "| | | |")
		return true
	}
	counts := at(took, 50)
	if m.within {
		counts = at(inside, 50)
	}
	ratio := float64(counts-m.less) / float64(m.bar)
	mark := ""
	if ratio > 1 {
		mark = " **not met**"
	}
	fmt.Fprintf(out, "%s | %s | %s (%s) | %.2f%s |\n", ms(at(inside, 50)), ms(at(inside, 99)), ms(m.bar), m.from, ratio, mark)
	return ratio <= 1
}

// at returns a percentile of sorted times.
func at(took []time.Duration, percent int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	return took[min(len(took)-1, len(took)*percent/100)]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

// time runs the thing, after a few runs that do not count if it is a warm one.
func (m measured) time(ctx context.Context) ([]time.Duration, error) {
	if m.runs >= 50 {
		for range 5 {
			if err := m.do(ctx); err != nil {
				return nil, err
			}
		}
	}
	took := make([]time.Duration, m.runs)
	for i := range took {
		began := time.Now()
		if err := m.do(ctx); err != nil {
			return nil, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took, nil
}

func (s *stage) save(ctx context.Context) error {
	s.fresh++
	return s.ok(s.who.Save(ctx, fmt.Sprintf("Section 3/New %d", s.fresh), text(s.fresh, s.Pages)+fmt.Sprint(s.fresh)))
}

func (s *stage) toolRead(ctx context.Context) error {
	return s.ok(s.who.Tool(ctx, "read_note", map[string]any{"path": page(7)}))
}

func (s *stage) toolWrite(ctx context.Context) error {
	s.fresh++
	a, err := s.who.Tool(ctx, "write_note", map[string]any{"path": fmt.Sprintf("Section 3/By agent %d", s.fresh), "content": text(s.fresh, s.Pages)})
	if err == nil && strings.Contains(string(a.Body), `"isError":true`) {
		err = fmt.Errorf("the tool says %s", a.Body)
	}
	return s.ok(a, err)
}

// recordRead reads one item as functions do: what a view cannot do without.
func (s *stage) recordRead(context.Context) (func(context.Context) error, error) {
	vars := map[string]string{}
	for _, line := range s.Environment(rehearsal.Operator) {
		name, value, _ := strings.Cut(line, "=")
		vars[name] = value
	}
	client := dynamodb.New(dynamodb.Options{
		Region: vars["AWS_REGION"], BaseEndpoint: aws.String(vars["AWS_ENDPOINT_URL_DYNAMODB"]),
		Credentials: credentials.NewStaticCredentialsProvider(vars["AWS_ACCESS_KEY_ID"], vars["AWS_SECRET_ACCESS_KEY"], ""),
	})
	for _, table := range s.Deployment().Resources("AWS::DynamoDB::Table") {
		if table.LogicalID != "WikisTable" {
			continue
		}
		in := &dynamodb.GetItemInput{TableName: aws.String(table.Name()), ConsistentRead: aws.Bool(true), Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "none"}}}
		return func(ctx context.Context) error {
			_, err := client.GetItem(ctx, in)
			return err
		}, nil
	}
	return nil, fmt.Errorf("the templates have no table of wikis")
}

// readsOf counts the reads that a thing waits for.
func (s *stage) readsOf(ctx context.Context, do func(context.Context) error) (int, error) {
	if err := s.Settle(ctx); err != nil {
		return 0, err
	}
	s.Meter().Reset()
	if err := do(ctx); err != nil {
		return 0, err
	}
	n := 0
	for kind, c := range s.Meter().Counts() {
		if isRead(kind.Action) {
			n += c.Calls
		}
	}
	return n, nil
}
