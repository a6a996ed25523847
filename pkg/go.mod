module wikibot.io/pkg

go 1.26.0

require (
	github.com/go-git/go-git/v5 v5.19.3
	golang.org/x/text v0.41.0
	wikibot.io/contracts v0.0.0
)

require (
	github.com/oklog/ulid/v2 v2.1.2 // indirect
	github.com/pjbgf/sha1cd v0.7.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace wikibot.io/contracts => ../contracts
