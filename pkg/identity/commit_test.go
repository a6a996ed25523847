package identity_test

import (
	"testing"

	"wikibot.io/pkg/identity"
)

func TestCommitEmailHidesTheAddress(t *testing.T) {
	if got := identity.CommitEmail("ada", "wikibot.io"); got != "ada@users.wikibot.io" {
		t.Errorf("got %q", got)
	}
}
