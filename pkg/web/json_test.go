package web_test

import (
	"encoding/json"
	"strings"
	"testing"

	"wikibot.io/pkg/web"
)

func TestCheckText(t *testing.T) {
	for _, c := range []struct {
		why, in string
		ok      bool
	}{
		{"plain", `{"a":"b"}`, true},
		{"a pair is a character", `"\ud83d\ude00"`, true},
		{"an escaped backslash starts no escape", `"\\ud800"`, true},
		{"bytes that are no UTF-8", "\"\xff\"", false},
		{"high half alone", `"\ud83dx"`, false},
		{"low half alone", `"\ude00"`, false},
		{"two high halves", `"\ud83d\ud83d"`, false},
		{"high half at the end", `"\ud83d`, false},
		{"cut short: for the decoder to report", `"\u12`, true},
	} {
		if err := web.CheckText([]byte(c.in)); (err == nil) != c.ok {
			t.Errorf("%s: CheckText(%q) = %v", c.why, c.in, err)
		}
	}
}

// What CheckText lets through, the decoder keeps: no U+FFFD appears that was
// not sent.
func FuzzCheckText(f *testing.F) {
	for _, s := range []string{`"\ud83d\ude00"`, `"\ud800"`, `"\\ud800\ud800"`, `"\uFFFD"`, "\"\xc0\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var v string
		if web.CheckText([]byte(s)) != nil || json.Unmarshal([]byte(s), &v) != nil {
			return
		}
		sent := strings.Contains(s, "\ufffd") || strings.Contains(strings.ToLower(s), `\ufffd`)
		if strings.Contains(v, "\ufffd") && !sent {
			t.Errorf("%q decoded to %q", s, v)
		}
	})
}
