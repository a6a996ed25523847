package githttp

import (
	"bytes"
	"slices"
	"strings"
)

// maxPrefixes is how many prefixes git's server minds. A client that sends more
// gets all refs.
const maxPrefixes = 64 << 10

// lsRefs lists the refs (gitprotocol-v2(5), "ls-refs"): HEAD and the one branch.
// Nothing but the record is read.
func (x *exchange) lsRefs(args *commandArgs) error {
	var symrefs, unborn bool
	prefixes := 0
	matched := map[string]bool{}
	err := args.each(func(arg []byte) error {
		if prefix, ok := bytes.CutPrefix(arg, []byte("ref-prefix ")); ok {
			prefixes++
			for _, ref := range []string{"HEAD", mainRef} {
				matched[ref] = matched[ref] || strings.HasPrefix(ref, string(prefix))
			}
			return nil
		}
		switch string(arg) {
		case "symrefs":
			symrefs = true
		case "unborn":
			unborn = true
		case "peel": // for tags, of which there are none
		default:
			return malformed("an unknown argument of ls-refs")
		}
		return nil
	})
	if err != nil {
		return err
	}
	x.read = true
	shown := func(ref string) bool { return prefixes == 0 || prefixes >= maxPrefixes || matched[ref] }
	target := ""
	if symrefs {
		target = " symref-target:" + mainRef
	}
	switch head := x.entry.Wiki.Head; {
	case head != "":
		if shown("HEAD") {
			x.out.Line("%s HEAD%s\n", head, target)
		}
		if shown(mainRef) {
			x.out.Line("%s %s\n", head, mainRef)
		}
	case unborn && symrefs && shown("HEAD"):
		x.out.Line("unborn HEAD%s\n", target)
	}
	x.out.Flush()
	return nil
}

// isRef reports whether a wiki has a ref of that name, by its full name.
func isRef(name string) bool { return slices.Contains([]string{"HEAD", mainRef}, name) }
