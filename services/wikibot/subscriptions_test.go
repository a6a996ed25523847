package wikibot

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/subscriptions"
)

// What the services listen to is the table that the deployment makes rules and
// queues of. (That the templates follow the table is tested where they are
// rehearsed.)
func TestServicesListenToTheTable(t *testing.T) {
	f, err := Open(Config{Data: t.TempDir(), Listen: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	type row struct{ Name, Types string }
	var want, got []row
	for _, s := range subscriptions.Table {
		r := row{Name: s.Name}
		for _, typ := range s.Types {
			r.Types += string(typ) + " "
		}
		want = append(want, r)
	}
	for _, s := range f.subscriptions {
		r := row{Name: s.Name}
		for _, typ := range s.Types {
			r.Types += string(typ) + " "
		}
		got = append(got, r)
	}
	byName := func(a, b row) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(want, byName)
	slices.SortFunc(got, byName)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subscriptions (-table +services)\n%s", diff)
	}
}
