package lambdakit

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// The format is CloudWatch's: a line that it does not understand is only a line.
func TestMetricsFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := &metrics{w: &out, log: slog.New(slog.DiscardHandler)}
		m.write(map[string]string{"Service": "wiki", "Class": "2xx"},
			metric{"Requests", "Count", 1, []string{"Service", "Class"}}, metric{"Latency", "Milliseconds", 1.5, []string{"Service"}})
		want := `{"Class":"2xx","Latency":1.5,"Requests":1,"Service":"wiki","_aws":{"CloudWatchMetrics":[` +
			`{"Namespace":"Wikibot","Dimensions":[["Service","Class"]],"Metrics":[{"Name":"Requests","Unit":"Count"}]},` +
			`{"Namespace":"Wikibot","Dimensions":[["Service"]],"Metrics":[{"Name":"Latency","Unit":"Milliseconds"}]}],` +
			`"Timestamp":946684800000}}` + "\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if !json.Valid(out.Bytes()) {
			t.Error("it is no JSON")
		}
	})
}
