package wikibot

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/records/sqlite"
	"wikibot.io/pkg/upkeep"
	"wikibot.io/pkg/wiki"
)

// maxIndexLag is how many commits the published index of a wiki may be behind.
// It bounds what the first reader after a start has to catch up with (some 2 ms
// a commit) against copying the index on every save (0.1 s for 3,000 pages).
const maxIndexLag = 32

// stores are the embedded drivers on one data folder. Several processes may
// have it open at once: one that serves, and the command line.
type stores struct {
	records *sqlite.Store
	git     *gitstore.Store
	index   *index.Cache
	engine  *wiki.Engine
	keeper  *upkeep.Keeper
}

// openStores opens the data folder. Scratch is this process's own.
func openStores(data, scratch string, log *slog.Logger) (*stores, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	s := new(stores)
	err := s.open(data, scratch, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open data folder %s: %w", data, err), s.Close())
	}
	return s, nil
}

func (s *stores) open(data, scratch string, log *slog.Logger) (err error) {
	if err := checkRecords(data); err != nil {
		return err
	}
	if s.records, err = sqlite.Open(filepath.Join(data, "records.db"), sqlite.Options{}); err != nil {
		return err
	}
	if s.git, err = gitstore.Open(filepath.Join(data, "wikis"), gitstore.Options{}); err != nil {
		return err
	}
	if s.index, err = index.New(index.Deps{Git: s.git, Records: s.records, Scratch: scratch, Log: log, MaxLag: maxIndexLag}); err != nil {
		return err
	}
	if s.engine, err = wiki.New(wiki.Deps{Records: s.records, Git: s.git, Index: s.index, Log: log}); err != nil {
		return err
	}
	s.keeper, err = upkeep.New(upkeep.Deps{Records: s.records, Git: s.git, Log: log})
	return err
}

// checkRecords refuses to begin anew beside wikis whose records are gone: the
// wikis would be there, but nobody's, and their slugs free for anybody.
func checkRecords(data string) error {
	st, err := os.Stat(filepath.Join(data, "records.db"))
	if err == nil && st.Size() > 0 {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if wikis, err := filepath.Glob(filepath.Join(data, "wikis", "*", "repo.git")); err != nil || len(wikis) > 0 {
		return errors.Join(err, errors.New("there are wikis, but records.db is missing or empty: restore it from a backup, or move the folder wikis away to begin anew"))
	}
	return nil
}

// Close closes what is open.
func (s *stores) Close() error {
	var errs []error
	if s.index != nil {
		errs = append(errs, s.index.Close())
	}
	if s.records != nil {
		errs = append(errs, s.records.Close())
	}
	return errors.Join(errs...)
}
