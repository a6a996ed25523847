package rehearsal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
	"wikibot.io/services/rehearsal"
)

// A page is shown before its wiki's index has caught up, which then goes on
// behind the answer; but a function stands still between answers. Readers alone
// must be enough to bring it to its end.
func TestCatchingUpComesToItsEndInAFrozenFunction(t *testing.T) {
	r := start(t, func(o *rehearsal.Options) { o.CountFiles = true })
	v := signUp(t, r, "ada", false)
	settle(t, r)
	// What publishes indexes does not learn of the saves.
	if err := r.SetWeather(rehearsal.Weather{Events: eventbridgetest.Chaos{Unreachable: 1}}); err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		if a, err := v.Save(t.Context(), fmt.Sprintf("Page %d", n), "text"); err != nil || a.Status != http.StatusCreated {
			t.Fatalf("save: %d, %v: %s", a.Status, err, a.Body)
		}
	}
	r.Reset()
	r.SetFileDelay(40 * time.Millisecond)
	// Each view that does not wait is worth one operation on a file, of the hundred
	// or so that it takes.
	const most = 40
	views := 0
	for gathering := true; gathering && views < most; views++ {
		a, err := v.View(t.Context(), "Page 7")
		if err != nil || a.Status != http.StatusOK {
			t.Fatalf("view: %d, %v", a.Status, err)
		}
		gathering = strings.Contains(string(a.Body), "is being read in")
	}
	t.Logf("%d views", views)
	if views < 2 || views == most {
		t.Errorf("the index was there with view %d, want a few, and less than %d", views, most)
	}
}
