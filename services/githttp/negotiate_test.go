package githttp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/services/githttp/internal/pktline"
)

// What git's own server answers to the same lines (Documentation/gitprotocol-pack).
func TestNegotiationSpeaksEveryDialect(t *testing.T) {
	ours, other, ours2 := gitstore.OID{1}, gitstore.OID{2}, gitstore.OID{3}
	common := map[gitstore.OID]bool{ours: true, ours2: true}
	detailed := request{multi: true, detailed: true}
	noDone := request{multi: true, detailed: true, noDone: true}
	for _, c := range []struct {
		why    string
		q      request
		done   bool
		enough int // common commits that are enough
		haves  []gitstore.OID
		lines  []string
		pack   bool
	}{
		{"clone", request{}, true, 1, nil, []string{"NAK"}, true},
		{"nothing in common yet", detailed, false, 1, []gitstore.OID{other}, []string{"NAK"}, false},
		{"nothing in common, in the end", detailed, true, 1, []gitstore.OID{other}, []string{"NAK"}, true},
		{"found, and asked for more", detailed, false, 1, []gitstore.OID{ours}, []string{"ACK 01 common", "ACK 01 ready", "NAK"}, false},
		{"found, and the pack may follow at once", noDone, false, 1, []gitstore.OID{ours}, []string{"ACK 01 common", "ACK 01 ready", "NAK", "ACK 01"}, true},
		{"found, then lines of their own", noDone, false, 1, []gitstore.OID{ours, other}, []string{"ACK 01 common", "ACK 02 ready", "NAK", "ACK 01"}, true},
		{"found, and not enough", noDone, false, 2, []gitstore.OID{ours, other}, []string{"ACK 01 common", "NAK"}, false},
		{"found, and enough with the second", noDone, false, 2, []gitstore.OID{ours, ours2}, []string{"ACK 01 common", "ACK 03 common", "ACK 03 ready", "NAK", "ACK 03"}, true},
		{"not enough, and no more to come", noDone, true, 2, []gitstore.OID{ours}, []string{"ACK 01 common", "ACK 01"}, true},
		{"two found", detailed, true, 1, []gitstore.OID{ours, ours2}, []string{"ACK 01 common", "ACK 03 common", "ACK 03"}, true},
		{"multi_ack", request{multi: true}, true, 1, []gitstore.OID{ours}, []string{"ACK 01 continue", "ACK 01"}, true},
		{"multi_ack, found, then lines of their own", request{multi: true}, false, 1, []gitstore.OID{ours, other}, []string{"ACK 01 continue", "ACK 02 continue", "NAK"}, false},
		{"neither", request{}, true, 1, []gitstore.OID{other, ours, ours2}, []string{"ACK 01"}, true},
		{"neither, and a round more", request{}, false, 1, []gitstore.OID{other}, []string{"NAK"}, false},
	} {
		c.q.haves, c.q.done = c.haves, c.done
		a, err := negotiate(&c.q, func(id gitstore.OID) bool { return common[id] },
			func(ids []gitstore.OID) (bool, error) { return len(ids) >= c.enough, nil })
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, line := range c.lines {
			if verb, rest, ok := strings.Cut(line, " "); ok {
				line = verb + " " + rest[:2] + strings.Repeat("0", 38) + rest[2:]
			}
			want = append(want, line)
		}
		if d := cmp.Diff(want, a.lines); d != "" || a.pack != c.pack {
			t.Errorf("%s: pack %v %s", c.why, a.pack, d)
		}
	}
}

// A client that mixes what is common with what is not, so that each line seems to
// need another walk through the history (CWE-407).
func TestHavesCannotForceAWalkEach(t *testing.T) {
	q := &request{multi: true, detailed: true, noDone: true}
	for i := range maxHaves {
		q.haves = append(q.haves, gitstore.OID{byte(i), byte(i >> 8), byte(i % 2)})
	}
	walks := 0
	_, err := negotiate(q, func(id gitstore.OID) bool { return id[2] == 0 },
		func([]gitstore.OID) (bool, error) { walks++; return false, nil })
	if err != nil || walks > 64 {
		t.Errorf("%d walks, %v", walks, err)
	}
	// It still finds out that there is enough, if not with the very first line.
	const enough = 1000
	a, err := negotiate(q, func(id gitstore.OID) bool { return id[2] == 0 },
		func(ids []gitstore.OID) (bool, error) { return len(ids) >= enough, nil })
	if err != nil || !a.pack {
		t.Errorf("pack %v, %v", a.pack, err)
	}
}

func TestFilters(t *testing.T) {
	for spec, want := range map[string]gitstore.Filter{
		"blob:none":       {Kind: gitstore.NoBlobs},
		"blob:limit=0":    {Kind: gitstore.SmallBlobs},
		"blob:limit=1024": {Kind: gitstore.SmallBlobs, Limit: 1024},
		"blob:limit=2k":   {Kind: gitstore.SmallBlobs, Limit: 2 << 10},
		"blob:limit=3M":   {Kind: gitstore.SmallBlobs, Limit: 3 << 20},
		"blob:limit=1g":   {Kind: gitstore.SmallBlobs, Limit: 1 << 30},
		"tree:0":          {Kind: gitstore.TreeDepth},
		"tree:3":          {Kind: gitstore.TreeDepth, Limit: 3},
	} {
		if got, err := parseFilter(spec); err != nil || got != want {
			t.Errorf("%s: %+v %v", spec, got, err)
		}
	}
	for _, spec := range []string{
		"", "blob", "blob:", "blob:limit=", "blob:limit=k", "blob:limit=-1", "blob:limit=+1", "blob:limit=1t", "blob:limit=9999999999g", "blob:limit=99999999999999999999",
		"tree:", "tree:-1", "sparse:oid=main:x", "sparse:path=x", "object:type=blob", "combine:blob:none+tree:1", "auto",
	} {
		if f, err := parseFilter(spec); err == nil {
			t.Errorf("%s: %+v", spec, f)
		}
	}
}

func FuzzRequest(f *testing.F) {
	id := strings.Repeat("ab", 20)
	f.Add("0032want " + id + "\n00000032have " + id + "\n0009done\n")
	f.Add("0055want " + id + " multi_ack_detailed side-band-64k\n0000")
	f.Add("0040want " + id + " filter no-done\n000edeepen 300150filter blob:none0000")
	f.Add("fff0")
	f.Fuzz(func(t *testing.T, body string) {
		q, err := parseRequest(pktline.NewReader(strings.NewReader(body)))
		if err != nil {
			return
		}
		checkAsk(t, &q.ask)
		if len(q.wants) == 0 && len(q.haves) > 0 {
			t.Fatalf("%d haves without a want", len(q.haves))
		}
		i := 0
		a, err := negotiate(q, func(gitstore.OID) bool { i++; return i%2 == 0 }, func(ids []gitstore.OID) (bool, error) { return len(ids) > 1, nil })
		if err != nil || q.done && !a.pack || len(a.lines) > 2*len(q.haves)+3 {
			t.Fatalf("answer %+v %v", a, err)
		}
	})
}

func FuzzFetchArguments(f *testing.F) {
	id := strings.Repeat("ab", 20)
	for _, arg := range []string{"want " + id, "have " + id, "want-ref refs/heads/main", "deepen 2147483647", "deepen-since 1", "deepen-not main", "shallow " + id, "filter blob:limit=1k", "done"} {
		f.Add(arg + "\n" + arg)
	}
	f.Fuzz(func(t *testing.T, args string) {
		var body strings.Builder
		for line := range strings.SplitSeq(args, "\n") {
			if len(line) < 60_000 {
				fmt.Fprintf(&body, "%04x%s", len(line)+4, line)
			}
		}
		q := &fetchArgs{}
		in := &commandArgs{in: pktline.NewReader(strings.NewReader(body.String() + "0000"))}
		if err := in.each(q.take); err == nil {
			checkAsk(t, &q.ask)
		}
	})
}

func checkAsk(t *testing.T, a *ask) {
	t.Helper()
	switch {
	case len(a.wants) > maxWants || len(a.haves) > maxHaves || len(a.shallow) > maxShallow || len(a.not) > maxNot:
		t.Fatal("more than the limits allow")
	case a.depth < 0 || a.filter.Limit < 0 || a.since.Year() > 20_000:
		t.Fatalf("depth %d, filter %+v, since %v", a.depth, a.filter, a.since)
	}
}
