package identity_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/identity"
)

func TestCredential(t *testing.T) {
	c := identity.NewCredential(ada.ID, id("s"))
	text := c.String(identity.PersonalPrefix)
	if !strings.HasPrefix(text, "wbp_"+ada.ID+id("s")) || len(text) != 4+26+26+43 {
		t.Errorf("it reads %q", text)
	}
	got, ok := identity.ParseCredential(identity.PersonalPrefix, text)
	if diff := cmp.Diff(c, got); diff != "" || !ok {
		t.Errorf("%v (-want +got):\n%s", ok, diff)
	}
	if other := identity.NewCredential(ada.ID, id("s")); other.Secret == c.Secret || identity.SameHash(other.Hash(), c.Hash()) {
		t.Error("two credentials have one secret")
	}
	if !identity.SameHash(c.Hash(), got.Hash()) || len(c.Hash()) != 64 || strings.Contains(text, c.Hash()) {
		t.Errorf("hash %q", c.Hash())
	}
	if identity.SameHash("", "") {
		t.Error("a record without a hash opens for a credential without one")
	}
}

// TestNoCredential lists near misses.
func TestNoCredential(t *testing.T) {
	secret := strings.Repeat("A", 43)
	good := "wbp_" + ada.ID + id("s") + secret
	for _, c := range []struct{ why, text string }{
		{"empty", ""},
		{"prefix alone", "wbp_"},
		{"another prefix", "wbs_" + good[4:]},
		{"prefix in capitals", "WBP_" + good[4:]},
		{"too short", good[:len(good)-1]},
		{"too long", good + "A"},
		{"space in front", " " + good},
		{"an id in capitals", "wbp_" + strings.ToUpper(ada.ID) + id("s") + secret},
		{"a letter that is none of a ULID's", "wbp_" + ada.ID[:25] + "u" + id("s") + secret},
		{"an id beyond 128 bits", "wbp_8" + ada.ID[1:] + id("s") + secret},
		{"a path in an id", "wbp_" + ada.ID + "../../../../../../../../xx" + secret},
		{"a separator of keys in an id", "wbp_" + ada.ID[:25] + "#" + id("s") + secret},
		{"a control character in an id", "wbp_" + ada.ID[:25] + "\x00" + id("s") + secret},
		{"standard base64", "wbp_" + ada.ID + id("s") + strings.Repeat("+", 43)},
		{"bits beyond 256: a second spelling of one secret", "wbp_" + ada.ID + id("s") + strings.Repeat("A", 42) + "B"},
		{"a line end that decoders skip", "wbp_" + ada.ID + id("s") + strings.Repeat("A", 42) + "\n"},
	} {
		if got, ok := identity.ParseCredential(identity.PersonalPrefix, c.text); ok {
			t.Errorf("%s: taken for %v", c.why, got)
		}
	}
	if _, ok := identity.ParseCredential(identity.PersonalPrefix, good); !ok {
		t.Error("the one that the others were made from is refused")
	}
}

// FuzzParseCredential: what is a credential has one spelling.
func FuzzParseCredential(f *testing.F) {
	f.Add(identity.NewCredential(ada.ID, id("s")).String(identity.RefreshPrefix))
	f.Add("wbr_")
	f.Add("wbr_" + strings.Repeat("0", 95))
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := identity.ParseCredential(identity.RefreshPrefix, text)
		if ok && c.String(identity.RefreshPrefix) != text {
			t.Errorf("%q is %q as well", text, c.String(identity.RefreshPrefix))
		}
		if strings.ContainsAny(c.UserID+c.ID, "/#\\\x00") && ok {
			t.Errorf("%q reaches into keys", text)
		}
	})
}
