module wikibot.io/pkg

go 1.26.0

require wikibot.io/contracts v0.0.0

replace wikibot.io/contracts => ../contracts
