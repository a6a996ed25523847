package auth

import (
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/provider"
)

// RemoteDeps is what the sign-in at a provider needs; all of it.
type RemoteDeps struct {
	Hosts    web.Hosts
	Provider provider.Provider
	Tickets  records.Tickets
}

// Remote is the sign-in at a provider: a page of its choices, or straight to it
// when there is one.
func Remote(d RemoteDeps) (SignIn, error) { panic("unwritten") }
