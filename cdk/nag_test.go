package cdk_test

import (
	"testing"
)

// What AWS recommends and we do not do is excused in nag.go, with the reason.
func TestNothingUnexcusedIsFound(t *testing.T) {
	got, err := synthesized()
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range got.findings {
		t.Error(finding)
	}
}
