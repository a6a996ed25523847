package gitstore

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore/gitstoretest"
)

// line makes saves upon one another and returns their commits.
func line(t *testing.T, r *Repo, from OID, name string, n int) []OID {
	t.Helper()
	made := make([]OID, n)
	for i := range made {
		from = save(t, r, from, fmt.Sprint(name, " ", i), map[string]string{name + ".md": fmt.Sprint(i)})
		made[i] = from
	}
	return made
}

func TestFollows(t *testing.T) {
	s, r := newTestRepo(t)
	main := line(t, r, OID{}, "main", 6)
	side := line(t, r, main[1], "side", 2)
	hex := gitstoretest.Git(t, filepath.Join(s.Dir(wikiID), repoFolder), "commit-tree", "-m", "merge", "-p", main[5].String(), "-p", side[1].String(), main[5].String()+"^{tree}")
	var merge OID
	if err := parseID(&merge, []byte(strings.TrimSpace(hex))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why            string
		later, earlier OID
		want           bool
	}{
		{"the next", main[1], main[0], true},
		{"the one before", main[0], main[1], false},
		{"far on", main[5], main[0], true},
		{"far back", main[0], main[5], false},
		{"itself", main[2], main[2], false},
		{"another branch", main[5], side[1], false},
		{"another branch, the other way round", side[1], main[5], false},
		{"where the branches parted", side[1], main[1], true},
		{"the second parent of a merge", merge, side[0], true},
		{"the first parent of a merge", merge, main[3], true},
		{"a merge, from what it merged", side[0], merge, false},
	} {
		// What a repository has been asked before must not matter.
		if _, err := r.History(t.Context(), merge, nil); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Follows(t.Context(), c.later, c.earlier); err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", c.why, got, err, c.want)
		}
	}
	if _, err := r.Follows(t.Context(), main[0], OID{1}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a commit that is not there: %v", err)
	}
}

// Two commits that are near each other cost little, however long the history.
func TestFollowsReadsNoMoreThanLiesBetween(t *testing.T) {
	s, r, _ := newTestDisk(t)
	commits := line(t, r, OID{}, "page", 40)
	for _, c := range []struct{ later, earlier OID }{{commits[39], commits[37]}, {commits[37], commits[39]}} {
		d := &testDisk{left: -1}
		cold, err := newStore(s.dir, Options{}, d).Repo(t.Context(), wikiID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cold.Follows(t.Context(), c.later, c.earlier); err != nil {
			t.Fatal(err)
		}
		if packs := strings.Count(strings.Join(d.log, " "), ".pack"); packs > 5 {
			t.Errorf("%d packs were opened: %v", packs, d.log)
		}
	}
}

func TestDescendants(t *testing.T) {
	s, writer := newTestRepo(t)
	main := line(t, writer, OID{}, "main", 5)
	lost := line(t, writer, main[1], "lost", 1) // a race, or a crash
	line(t, writer, OID{}, "root", 1)
	r := fresh(t, s)
	for _, c := range []struct {
		why  string
		from OID
		want []Descendant
	}{
		{"the longest way first", main[1], []Descendant{
			{main[4], main[3], false}, {main[3], main[2], true}, {main[2], main[1], true}, {lost[0], main[1], false},
		}},
		{"a head that nobody built on", main[4], nil},
		{"a commit that is not there", OID{1}, nil},
	} {
		got, err := r.Descendants(t.Context(), c.from)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.want) == 4 && len(got) == 4 && got[3] != c.want[3] { // of the same second, by id
			got[2], got[3] = got[3], got[2]
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
	all, err := r.Descendants(t.Context(), OID{})
	if err != nil || len(all) != 7 || all[0].ID != main[4] {
		t.Errorf("of all: %v, %v", all, err)
	}

	// A save whose pack was not copied whole, and what followed it, are left out.
	pack := filepath.Join(s.Dir(wikiID), repoFolder, "objects", "pack", "pack-"+main[3].String())
	for _, damage := range []func() error{
		func() error { return os.Truncate(pack+".idx", 10) },
		func() error { return os.Remove(pack + ".idx") },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		all, err := fresh(t, s).Descendants(t.Context(), main[2])
		if err != nil || len(all) != 0 {
			t.Errorf("behind a gap: %v, %v", all, err)
		}
	}
}

// Two processes mirror one wiki's head. The one that comes late knows nothing of
// what the file says.
func TestMirrorIsNotSetBackByALateProcess(t *testing.T) {
	s, r := newTestRepo(t)
	commits := line(t, r, OID{}, "page", 6)
	expect := func(why string, want OID) {
		t.Helper()
		if got, err := r.MirrorHead(t.Context()); err != nil || got != want {
			t.Errorf("%s: the mirror says %v, %v; want %v", why, got, err, want)
		}
	}
	mirror := func(r *Repo, n int) {
		t.Helper()
		if err := r.Mirror(t.Context(), commits[n], int64(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	mirror(r, 3)
	late := fresh(t, s)
	mirror(late, 1)
	expect("an older head", commits[3])
	mirror(late, 2)
	expect("another older head", commits[3])
	mirror(late, 4)
	expect("the next head", commits[4])
	mirror(fresh(t, s), 5)
	expect("the next head, from a process that just came", commits[5])

	fork := save(t, r, commits[2], "fork", map[string]string{"fork.md": "x"})
	other := fresh(t, s)
	if err := other.Mirror(t.Context(), fork, 7); err != nil {
		t.Fatal(err)
	}
	expect("a head that neither precedes nor follows", fork)

	if err := fresh(t, s).MirrorBack(t.Context(), commits[0], 8); err != nil {
		t.Fatal(err)
	}
	expect("a head that was moved back", commits[0])
	if err := r.writeMain(OID{1}, false); err != nil {
		t.Fatal(err)
	}
	mirror(fresh(t, s), 0)
	expect("after a commit that is not there", commits[0])
}
