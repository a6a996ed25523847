package lambdakit

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// namespace is where CloudWatch files the metrics.
const namespace = "Wikibot"

// metrics writes embedded metrics, a line each.
type metrics struct {
	mu  sync.Mutex
	w   io.Writer
	log *slog.Logger
}

// metric is one value. Unit is one of CloudWatch's: "Count", "Milliseconds".
type metric struct {
	name, unit string
	value      float64
}

// write writes the values under one set of dimensions. A failure to write is
// nobody's concern but the log's.
func (m *metrics) write(dimensions map[string]string, values ...metric) {
	type definition struct {
		Name string
		Unit string
	}
	line := map[string]any{}
	defs := make([]definition, len(values))
	for i, v := range values {
		line[v.name] = v.value
		defs[i] = definition{v.name, v.unit}
	}
	for name, value := range dimensions {
		line[name] = value
	}
	line["_aws"] = map[string]any{
		"Timestamp": time.Now().UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace":  namespace,
			"Dimensions": [][]string{slices.Sorted(maps.Keys(dimensions))},
			"Metrics":    defs,
		}},
	}
	raw, err := json.Marshal(line)
	if err == nil {
		m.mu.Lock()
		_, err = m.w.Write(append(raw, '\n'))
		m.mu.Unlock()
	}
	if err != nil {
		m.log.Warn("write metrics", "err", err)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
