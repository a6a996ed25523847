package eventbridge

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func TestTraceHeader(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, c := range []struct{ why, parent, want string }{
		{"sampled", "00-" + trace + "-" + span + "-01", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"},
		{"not sampled", "00-" + trace + "-" + span + "-00", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=0"},
		{"other flags say nothing about sampling", "00-" + trace + "-" + span + "-02", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=0"},
		{"none", "", ""},
		{"the version that is forbidden", "ff-" + trace + "-" + span + "-01", ""},
		{"a trace id of zeros", "00-00000000000000000000000000000000-" + span + "-01", ""},
		{"capitals", "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span + "-01", ""},
		{"something else that could break the header", "00-" + trace + "-" + span + "-0;", ""},
	} {
		if got := aws.ToString(traceHeader(c.parent)); got != c.want {
			t.Errorf("%s: %q", c.why, got)
		}
	}
}
