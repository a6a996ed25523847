// Package files opens what the services with a file system stand on: the
// repositories, the derived index and the engine that reads and writes pages. It
// is apart from package cloud because of what it links: a database and a
// renderer, whose initialisation would cost every function a third of its start.
//
// It never decides where things are: that is [cloud.Config]'s.
package files

import (
	"fmt"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/wiki"
	"wikibot.io/services/internal/cloud"
)

// maxIndexLag is how many commits the published index of a wiki may be behind.
// It bounds what the first reader in a new process has to catch up with against
// copying the index over the network on every save.
const maxIndexLag = 32

// Open opens the repositories and the index.
func Open(p *cloud.Platform) (*gitstore.Store, *index.Cache, error) {
	git, err := gitstore.Open(p.Config.Wikis(), gitstore.Options{})
	if err != nil {
		return nil, nil, fmt.Errorf("open files: %w", err)
	}
	cache, err := index.New(index.Deps{Git: git, Records: p.Records, Scratch: p.Config.Scratch, Log: p.Log, MaxLag: maxIndexLag})
	if err != nil {
		return nil, nil, fmt.Errorf("open index: %w", err)
	}
	return git, cache, nil
}

// Engine is Open with the engine on top.
func Engine(p *cloud.Platform) (*wiki.Engine, error) {
	git, cache, err := Open(p)
	if err != nil {
		return nil, err
	}
	return wiki.New(wiki.Deps{Records: p.Records, Git: git, Index: cache, Log: p.Log})
}
