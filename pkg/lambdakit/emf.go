package lambdakit

import (
	"encoding/json"
	"io"
	"log/slog"
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

// metric is one value, filed under the named dimensions. Unit is one of
// CloudWatch's: "Count", "Milliseconds".
type metric struct {
	name, unit string
	value      float64
	by         []string
}

// write writes the values as one line. A failure to write is nobody's concern but
// the log's.
func (m *metrics) write(dimensions map[string]string, values ...metric) {
	type definition struct{ Name, Unit string }
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	line := map[string]any{}
	directives := make([]directive, len(values))
	for i, v := range values {
		line[v.name] = v.value
		directives[i] = directive{namespace, [][]string{v.by}, []definition{{v.name, v.unit}}}
	}
	for name, value := range dimensions {
		line[name] = value
	}
	line["_aws"] = map[string]any{"Timestamp": time.Now().UnixMilli(), "CloudWatchMetrics": directives}
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
