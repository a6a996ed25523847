package index

import (
	"flag"
	"os"
	"testing"
)

// A check of the property grows a whole repository with git, so that the usual
// hundred take minutes; -rapid.checks asks for more.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("20"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
