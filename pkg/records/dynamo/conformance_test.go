package dynamo_test

import (
	"strings"
	"testing"

	"wikibot.io/pkg/records/dynamo"
	"wikibot.io/pkg/records/recordstest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	recordstest.Run(t, func(t *testing.T) recordstest.Harness {
		names, clock := fresh(t), new(recordstest.Clock)
		return recordstest.Harness{Store: open(t, names, dynamo.Options{Now: clock.Now}), Clock: clock, Events: watch(t, names).Events}
	})
}

// Whatever happens to every fifth request, the suite sees a store that works:
// nothing is done twice, nothing half, and nobody who succeeded is told otherwise.
//
// Where two dozen writers fight for one head, its short memory of steps is soon
// overrun, and a writer without an answer is rightly told so: races meet only
// troubles that are answers. TestRacingWritersInTrouble is about the others. The
// same goes for two dozen who count: Count's short memory is of one.
func TestConformanceInTrouble(t *testing.T) {
	t.Parallel()
	recordstest.Run(t, func(t *testing.T) recordstest.Harness {
		names, clock, p := fresh(t), new(recordstest.Clock), newProxy(t)
		which := every
		if strings.Contains(t.Name(), "/Races/") || strings.Contains(t.Name(), "/everybody_who_counts") {
			which = []trouble{throttle, conflict}
		}
		n := 0
		p.decide = func(*request) trouble {
			if n++; n%5 == 0 {
				return which[n/5%len(which)]
			}
			return none
		}
		return recordstest.Harness{Store: open(t, names, dynamo.Options{Now: clock.Now}, p.through), Clock: clock, Events: watch(t, names).Events}
	})
}
