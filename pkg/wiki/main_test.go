package wiki_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"wikibot.io/pkg/index"
	"wikibot.io/pkg/wiki"
	"wikibot.io/pkg/wiki/wikitest"
)

// hostEnv makes the test binary a process that writes to a wiki instead of
// running tests: "folder wiki-id name".
const hostEnv = "WIKI_TEST_WRITES"

func TestMain(m *testing.M) {
	if order := os.Getenv(hostEnv); order != "" {
		words := strings.Fields(order)
		writeAsHost(words[0], words[1], words[2])
		return
	}
	os.Exit(m.Run())
}

// hostSaves is how many pages each process writes.
const hostSaves = 25

// fatal is how a process without a test fails.
type fatal struct{}

func (fatal) Helper()                           {}
func (fatal) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (fatal) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// writeAsHost writes pages, publishes the index now and then, and prints each
// page once it is acknowledged and found again.
func writeAsHost(dir, wikiID, name string) {
	ctx := context.Background()
	h := wikitest.Open(fatal{}, dir)
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	for n := range hostSaves {
		w, err := h.Records.Wiki(ctx, wikiID)
		must(err)
		path := fmt.Sprintf("Folder %d/Page %d of %s", n%5, n, name)
		res, err := h.Engine.Save(ctx, w, wiki.Save{Path: path, Content: []byte(path), Author: wikitest.Ada})
		must(err)
		fmt.Println(path)
		w, err = h.Records.Wiki(ctx, wikiID)
		must(err)
		page, err := h.Engine.Read(ctx, w, path)
		must(err)
		if string(page.Content) != path {
			panic(fmt.Sprintf("%s is %q at %s", path, page.Content, res.Revision))
		}
		view, err := h.Engine.Index(ctx, w)
		must(err)
		if _, total, err := view.Pages(ctx, index.Filter{}); err != nil || int64(total) < w.PageCount {
			panic(fmt.Sprintf("the index lists %d of %d pages: %v", total, w.PageCount, err))
		}
		if n%4 == 3 {
			must(h.Index.Publish(ctx, wikiID))
		}
	}
	must(h.Index.Close())
	must(h.Records.Close())
}
