module wikibot.io/cdk

go 1.26.0
