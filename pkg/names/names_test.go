package names_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/names"
)

func TestLabel(t *testing.T) {
	const (
		short   = "is too short: use at least 3 characters"
		long    = "is too long: use at most 30 characters"
		charset = "may only hold the letters a to z in lower case, digits and hyphens"
		edge    = "may not begin or end with a hyphen"
		puny    = "may not begin with xn--"
		taken   = "is reserved: choose another"
	)
	for _, c := range []struct {
		why, in string
		want    []string
	}{
		{"shortest", "ada", nil},
		{"longest", strings.Repeat("a", 30), nil},
		{"digits and inner hyphens", "3rd-gulf--war-2", nil},
		{"nothing", "", []string{"is missing"}},
		{"one too short", "ab", []string{short}},
		{"one too long", strings.Repeat("a", 31), []string{long}},
		{"upper case is not folded in silence", "Ada", []string{charset}},
		{"a dot would be another host", "ada.www", []string{charset}},
		{"homoglyph: Cyrillic a", "аda", []string{charset}},
		{"length counts characters, so one message is enough", strings.Repeat("é", 20), []string{charset}},
		{"all at once", "-A", []string{short, charset, edge}},
		{"hyphen at the end", "ada-", []string{edge}},
		{"punycode looks like another name", "xn--80ak6aa92e", []string{puny}},
		{"reserved for the service", "admin", []string{taken}},
		{"reserved and short", "ns", []string{short, taken}},
		{"looked up by programs", "wpad", []string{taken}},
		{"control character", "ada\x00", []string{charset}},
		{"broken UTF-8", "ada\xff", []string{charset}},
	} {
		if diff := cmp.Diff(c.want, names.Label(c.in)); diff != "" {
			t.Errorf("%s: Label(%q) (-want +got):\n%s", c.why, c.in, diff)
		}
	}
}

func TestEmail(t *testing.T) {
	for _, ok := range []string{"ada@example.org", "ada+wiki@example.org", "a@localhost", "ädä@exämple.org"} {
		if wrong := names.Email(ok); wrong != nil {
			t.Errorf("Email(%q) = %q, want nothing wrong", ok, wrong)
		}
	}
	for _, c := range []struct{ why, in string }{
		{"nothing", ""},
		{"no at", "ada"},
		{"no local part", "@example.org"},
		{"no domain", "ada@"},
		{"two addresses", "ada@example.org,eve@example.org"},
		{"a display name", "Ada <ada@example.org>"},
		{"header injection", "ada@example.org\nBcc: eve@example.org"},
		{"end of a commit's author", "ada>@example.org"},
		{"NUL", "ada\x00@example.org"},
		{"text direction override", "ada\u202e@example.org"},
		{"too long", strings.Repeat("a", 250) + "@example.org"},
	} {
		if wrong := names.Email(c.in); len(wrong) != 1 {
			t.Errorf("%s: Email(%q) = %q, want one message", c.why, c.in, wrong)
		}
	}
}

func TestDisplay(t *testing.T) {
	for _, c := range []struct {
		why, in string
		want    int
	}{
		{"any script", "Ада Λόβλεϊς 愛達 🦀", 0},
		{"longest", strings.Repeat("é", 100), 0},
		{"nothing", "", 1},
		{"only white space", " \t ", 1},
		{"too long", strings.Repeat("é", 101), 1},
		{"line break", "Ada\nLovelace", 1},
		{"commit author", "Ada <x>", 1},
		{"all at once", strings.Repeat("<\n", 60), 3},
		{"broken UTF-8", "Ada\xff", 1},
	} {
		if got := names.Display(c.in); len(got) != c.want {
			t.Errorf("%s: Display(%q) = %q, want %d messages", c.why, c.in, got, c.want)
		}
	}
}

// FuzzNames: whatever is accepted is safe in a host name, a header line and a
// commit's author line.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"ada", "xn--a", "a\nb", "a@b", "<a@b>", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if names.Label(s) == nil && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("Label accepts %q", s)
		}
		if names.Email(s) == nil && (strings.ContainsAny(s, "\x00\r\n<> ") || !strings.Contains(s, "@")) {
			t.Errorf("Email accepts %q", s)
		}
		if names.Display(s) == nil && strings.ContainsAny(s, "\x00\r\n<>") {
			t.Errorf("Display accepts %q", s)
		}
	})
}
