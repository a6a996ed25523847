package dynamo_test

import (
	"testing"

	"wikibot.io/pkg/records/dynamo"
	"wikibot.io/pkg/records/recordstest"
)

func TestConformance(t *testing.T) {
	recordstest.Run(t, func(t *testing.T) recordstest.Harness {
		names, clock := fresh(t), new(recordstest.Clock)
		return recordstest.Harness{Store: open(t, names, dynamo.Options{Now: clock.Now}), Clock: clock, Events: watch(t, names).Events}
	})
}
