package names_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/names"
)

// first returns the first n suggestions.
func first(n int, sources ...string) []string {
	var got []string
	for s := range names.Suggest(sources...) {
		if got = append(got, s); len(got) == n {
			break
		}
	}
	return got
}

func TestSuggest(t *testing.T) {
	for _, c := range []struct {
		why     string
		sources []string
		want    []string
	}{
		{"a nickname as it is, then numbers", []string{"ada"}, []string{"ada", "ada2", "ada3"}},
		{"the next source before numbers", []string{"ada", "", "Ada Lovelace"}, []string{"ada", "ada-lovelace", "ada2"}},
		{"the same name twice", []string{"ada", "Ada"}, []string{"ada", "ada2", "ada3"}},
		{"accents fall off", []string{"Zoë Ångström-Brontë"}, []string{"zoe-angstrom-bronte", "zoe-angstrom-bronte2", "zoe-angstrom-bronte3"}},
		{"letters with a spelling", []string{"Åse Groß-Łęcki"}, []string{"ase-gross-lecki", "ase-gross-lecki2", "ase-gross-lecki3"}},
		{"full-width letters are letters", []string{"ａｄａ"}, []string{"ada", "ada2", "ada3"}},
		{"what joins words becomes one hyphen", []string{"_ada__.lovelace_"}, []string{"ada-lovelace", "ada-lovelace2", "ada-lovelace3"}},
		{"what joins nothing goes", []string{"o'hara (she)"}, []string{"ohara-she", "ohara-she2", "ohara-she3"}},
		{"short ones are padded", []string{"ab"}, []string{"ab1", "ab12", "ab13"}},
		{"reserved: its numbers only, after the others", []string{"admin", "ada"}, []string{"ada", "admin2", "admin3"}},
		{"punycode is none of ours, numbered or not", []string{"xn--80ak6aa92e", "eve"}, []string{"xn-80ak6aa92e", "eve", "xn-80ak6aa92e2"}},
		{"long ones are cut, and again for the number", []string{"abcdefghijklmnopqrstuvwxyz-12-45"},
			[]string{"abcdefghijklmnopqrstuvwxyz-12", "abcdefghijklmnopqrstuvwxyz-122", "abcdefghijklmnopqrstuvwxyz-123"}},
		{"nothing to write it with", []string{"Ада", "---", "李"}, nil},
		{"no source", nil, nil},
	} {
		if diff := cmp.Diff(c.want, first(3, c.sources...)); diff != "" {
			t.Errorf("%s: Suggest(%q) (-want +got):\n%s", c.why, c.sources, diff)
		}
	}
}

func TestSuggestionsEnd(t *testing.T) {
	got := slices.Collect(names.Suggest("ada"))
	if len(got) != 99 {
		t.Errorf("%d suggestions, want 99", len(got))
	}
}

// FuzzSuggest: whatever a provider says somebody is called, what comes out is
// well-formed.
func FuzzSuggest(f *testing.F) {
	for _, s := range []string{"ada", "ab", "xn--a", "admin", "-", "Åse ß", "a\x00b\xff", "İ", "ﷺ"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for s := range names.Suggest(a, b) {
			if wrong := names.Label(s); wrong != nil {
				t.Fatalf("Suggest(%q, %q) yields %q: %q", a, b, s, wrong)
			}
		}
	})
}
