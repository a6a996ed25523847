package rehearsal_test

import (
	"sync"
	"testing"

	"wikibot.io/services/internal/e2e"
	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/slowfiles"
)

// The scripts are those that the one-process fleet passes. Afterwards, nothing
// may have been refused by the functions' own policies, and nothing lies among
// the dead letters: the templates grant what the code needs.
func TestScripts(t *testing.T) {
	fleets := &fleets{t: t, byDir: map[string]*fleet{}}
	t.Cleanup(fleets.judge)
	e2e.Run(t, e2e.Params{Dirs: []string{"../internal/e2e/script"}, Start: fleets.start})
}

// fleets are the rehearsals of all scripts, by the scripts' folders. AWS does not
// go down with the functions, so a rehearsal lives as long as its script: up and
// down start and end the functions' sandboxes alone.
type fleets struct {
	t     *testing.T
	mu    sync.Mutex
	byDir map[string]*fleet
}

type fleet struct {
	*rehearsal.Rehearsal
	said *tail
}

func (s *fleets) start(p e2e.Place) (e2e.Fleet, error) {
	s.mu.Lock()
	f := s.byDir[p.Dir]
	s.mu.Unlock()
	if f != nil {
		return f, nil
	}
	f = &fleet{said: &tail{}}
	var err error
	if f.Rehearsal, err = rehearsal.Start(s.t.Context(), options(f.said)); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byDir[p.Dir] = f
	return f, nil
}

// Stop ends all sandboxes when they are idle.
func (f *fleet) Stop() error {
	f.Reset()
	return nil
}

// Crash kills all sandboxes in the middle of what they do.
func (f *fleet) Crash() error {
	f.Kill()
	return nil
}

func (s *fleets) judge() {
	for _, f := range s.byDir {
		for _, refused := range f.Meter().Refused() {
			s.t.Errorf("the role of %s does not allow %s on %s, which the function needs", refused.Function, refused.Call.Action, refused.Call.Resource)
		}
		for queue, letters := range f.DeadLetters() {
			s.t.Errorf("%d dead letters in %s; the first: %s", len(letters), queue, letters[0].Body)
		}
		for _, function := range f.Functions() {
			if n := function.FileOperations()[slowfiles.Refused]; n > 0 {
				s.t.Errorf("the role of %s does not allow %d changes of files that it tried", function.Service, n)
			}
		}
		end(s.t, f.Rehearsal, f.said)
	}
}
