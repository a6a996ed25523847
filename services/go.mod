module wikibot.io/services

go 1.26.0

require (
	wikibot.io/contracts v0.0.0
	wikibot.io/pkg v0.0.0
)

replace (
	wikibot.io/contracts => ../contracts
	wikibot.io/pkg => ../pkg
)
