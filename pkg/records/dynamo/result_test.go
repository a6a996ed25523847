package dynamo_test

import (
	"bytes"
	"fmt"
	"testing"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo"
)

// The rename of a page that thousands of pages lead to has an answer that is
// larger than an item, and is repeated like any other.
func TestLargeResultOfARequest(t *testing.T) {
	s := open(t, fresh(t), dynamo.Options{})
	seed(t, s)
	head := ""
	for i, pages := range []int{0, 1, 100, 8000} {
		var answer bytes.Buffer
		for n := range pages {
			fmt.Fprintf(&answer, `"Projects/%x/Meeting notes of the working group number %d, second part",`, n*7919, n)
		}
		c := newStep(t, "w", head, commit(i+1))
		c.Idempotency = &records.Idempotency{Key: fmt.Sprint("rename ", i), Fingerprint: "f", Result: answer.Bytes()}
		if _, err := s.AdvanceHead(t.Context(), c); err != nil {
			t.Fatalf("a step whose answer has %d bytes: %v", answer.Len(), err)
		}
		got, err := s.IdempotentResult(t.Context(), "w", c.Idempotency.Key, "f")
		if err != nil || !bytes.Equal(got, answer.Bytes()) {
			t.Errorf("an answer of %d bytes came back with %d, %v", answer.Len(), len(got), err)
		}
		head = c.New
	}
}
