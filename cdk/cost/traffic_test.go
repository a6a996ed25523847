package cost_test

import (
	"math"
	"strings"
	"testing"

	"wikibot.io/cdk/cost"
)

// What is paid by use must be nothing without use, but for what is kept.
func TestNoTrafficCostsNothingByUse(t *testing.T) {
	for _, l := range cost.Month(1000, cost.Traffic{}, true) {
		if l.Month() > 0 && !strings.Contains(l.What, "records: GB") && l.What != "metrics" {
			t.Errorf("%s costs $%.2f without traffic", l.What, l.Month())
		}
	}
}

// Prices by use have no steps, so a hundred times the wikis cost a hundred times
// as much, but for the metrics, whose number does not depend on wikis.
func TestMonthGrowsWithWikis(t *testing.T) {
	small, large := cost.Month(100, cost.Average, false), cost.Month(10_000, cost.Average, false)
	for i, l := range small {
		want := 100 * l.Month()
		if l.What == "metrics" {
			want = l.Month()
		}
		if got := large[i].Month(); math.Abs(got-want) > 1e-6*want {
			t.Errorf("%s: $%f for 10,000 wikis, want $%f", l.What, got, want)
		}
	}
}

// A subscription of $4.99 has to pay for some hundreds of average wikis, or the
// free plan cannot be kept up.
func TestPremiumPaysForManyFreeWikis(t *testing.T) {
	each := cost.Total(cost.Month(1_000_000, cost.Average, true)) / 1_000_000
	if each > 4.99/200 {
		t.Errorf("an average wiki costs $%.4f a month, more than a two-hundredth of a subscription", each)
	}
}
