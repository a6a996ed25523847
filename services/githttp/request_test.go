package githttp

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/gitstore"
)

// What git's own server answers to the same lines (Documentation/gitprotocol-pack).
func TestNegotiationSpeaksEveryDialect(t *testing.T) {
	ours, other, ours2 := gitstore.OID{1}, gitstore.OID{2}, gitstore.OID{3}
	common := map[gitstore.OID]bool{ours: true, ours2: true}
	for _, c := range []struct {
		why   string
		q     request
		haves []gitstore.OID
		lines []string
		pack  bool
	}{
		{"clone", request{done: true}, nil, []string{"NAK"}, true},
		{"nothing in common yet", request{multi: true, detailed: true}, []gitstore.OID{other}, []string{"NAK"}, false},
		{"nothing in common, in the end", request{multi: true, detailed: true, done: true}, []gitstore.OID{other}, []string{"NAK"}, true},
		{"found, and asked for more", request{multi: true, detailed: true}, []gitstore.OID{ours}, []string{"ACK 01 common", "ACK 01 ready", "NAK"}, false},
		{"found, and the pack may follow at once", request{multi: true, detailed: true, noDone: true}, []gitstore.OID{ours}, []string{"ACK 01 common", "ACK 01 ready", "NAK", "ACK 01"}, true},
		{"found, then lines of their own", request{multi: true, detailed: true, noDone: true}, []gitstore.OID{ours, other}, []string{"ACK 01 common", "ACK 02 ready", "NAK", "ACK 01"}, true},
		{"two found", request{multi: true, detailed: true, done: true}, []gitstore.OID{ours, ours2}, []string{"ACK 01 common", "ACK 03 common", "ACK 03"}, true},
		{"multi_ack", request{multi: true, done: true}, []gitstore.OID{ours}, []string{"ACK 01 continue", "ACK 01"}, true},
		{"neither", request{done: true}, []gitstore.OID{other, ours, ours2}, []string{"ACK 01"}, true},
		{"neither, and a round more", request{}, []gitstore.OID{other}, []string{"NAK"}, false},
	} {
		c.q.haves = c.haves
		a := negotiate(&c.q, common)
		var want []string
		for _, line := range c.lines {
			if verb, rest, ok := strings.Cut(line, " "); ok {
				line = verb + " " + rest[:2] + strings.Repeat("0", 38) + rest[2:]
			}
			want = append(want, line+"\n")
		}
		if d := cmp.Diff(want, a.lines); d != "" || a.pack != c.pack {
			t.Errorf("%s: pack %v %s", c.why, a.pack, d)
		}
	}
}

func FuzzRequest(f *testing.F) {
	id := strings.Repeat("ab", 20)
	f.Add("0032want " + id + "\n00000032have " + id + "\n0009done\n")
	f.Add("0055want " + id + " multi_ack_detailed side-band-64k\n0000")
	f.Add("fff0")
	f.Fuzz(func(t *testing.T, body string) {
		q, err := parseRequest(strings.NewReader(body))
		if err != nil {
			return
		}
		if len(q.wants) > maxWants || len(q.haves) > maxHaves || len(q.wants) == 0 && len(q.haves) > 0 {
			t.Fatalf("%d wants, %d haves", len(q.wants), len(q.haves))
		}
		known := map[gitstore.OID]bool{}
		for i, h := range q.haves {
			known[h] = i%2 == 0
		}
		a := negotiate(q, known)
		if q.done && !a.pack || slices.Contains(a.lines, "") {
			t.Fatalf("answer %+v", a)
		}
	})
}
