package gitstore

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"wikibot.io/pkg/fault"
)

// Wikis lists the ids of the wikis that have a folder, sorted. It reads one
// folder, however many wikis there are.
func (s *Store) Wikis(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names, err := s.disk.names(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Unavailable, "list the wikis' folders")
	}
	// Names that no wiki can have are temporary folders.
	names = slices.DeleteFunc(names, func(name string) bool { return checkID(name) != nil })
	slices.Sort(names)
	return names, nil
}
