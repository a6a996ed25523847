package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScriptsAreLeftOutByNameAndReason(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.txtar", "b.txtar"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		why  string
		give Params
		want []string
		err  string
	}{
		{"all run unless said otherwise", Params{Dirs: []string{dir}}, []string{"a.txtar", "b.txtar"}, ""},
		{"a reason is enough", Params{Dirs: []string{dir}, LeftOut: map[string]string{"a.txtar": "it cannot"}}, []string{"b.txtar"}, ""},
		{"an empty reason is none", Params{Dirs: []string{dir}, LeftOut: map[string]string{"a.txtar": ""}}, nil, "say why"},
		{"a script that was renamed would come back unseen", Params{Dirs: []string{dir}, LeftOut: map[string]string{"c.txtar": "gone"}}, nil, `"c.txtar"`},
		{"a folder that moved would pass with nothing run", Params{Dirs: []string{filepath.Join(dir, "none")}}, nil, "there are none"},
	} {
		files, err := c.give.files()
		var got []string
		for _, f := range files {
			got = append(got, filepath.Base(f))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.why, diff)
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: err = %v, want %q", c.why, err, c.err)
		}
	}
}
