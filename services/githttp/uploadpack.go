package githttp

import (
	"bufio"
	"context"
	"io"
	"net/http"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
)

// uploadPack answers one round of a fetch.
func (s *Service) uploadPack(w http.ResponseWriter, r *http.Request, entry identity.Entry) error {
	q, err := readRequest(w, r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
	if len(q.wants) == 0 {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	ctx := r.Context()
	repo, common, err := s.compare(ctx, entry, q)
	if err != nil {
		return s.tell(w, r, err)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	answer := negotiate(q, common)
	if err := answer.write(out); err != nil {
		return nil // the client is gone
	}
	if !answer.pack {
		_ = out.Flush() // the client is gone if this fails
		return nil
	}
	selection, err := repo.Select(ctx, q.wants[0], answer.have)
	if err != nil {
		return s.tell(w, r, err)
	}
	s.send(ctx, out, q, selection)
	return nil
}

// compare opens the repository and finds which commits of the client are in the
// history of the head. What it wants must be: the head that it saw in an
// earlier request may be an ancestor of the head by now.
func (s *Service) compare(ctx context.Context, entry identity.Entry, q *request) (*gitstore.Repo, map[gitstore.OID]bool, error) {
	if entry.Wiki.Head == "" {
		return nil, nil, fault.New(fault.Invalid, "upload-pack: not our ref %s", q.wants[0])
	}
	repo, err := s.git.Repo(ctx, entry.Wiki.ID)
	if err != nil {
		return nil, nil, err
	}
	ids := append(append([]gitstore.OID{}, q.wants...), q.haves...)
	known, err := repo.Reaches(ctx, plumbing.NewHash(entry.Wiki.Head), ids)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range q.wants {
		if !known[id] {
			return nil, nil, fault.New(fault.Invalid, "upload-pack: not our ref %s", id)
		}
		if id != q.wants[0] {
			return nil, nil, fault.New(fault.Invalid, "upload-pack: a wiki has one branch; ask for one commit at a time")
		}
	}
	return repo, known, nil
}

// tell reports an error in the way that git shows to people: as a packet, with
// status 200. It is in the request's record all the same.
func (s *Service) tell(w http.ResponseWriter, r *http.Request, err error) error {
	p := web.ProblemOf(r, err)
	_ = writePacket(w, "ERR %s", p.Error) // the client is gone if this fails
	return nil
}

// send writes the pack. Once it has begun an error can only be told in band 3.
func (s *Service) send(ctx context.Context, out *bufio.Writer, q *request, selection *gitstore.Selection) {
	var err error
	if q.band == 0 {
		err = selection.WritePack(ctx, out)
	} else {
		data := newSideband(out, bandPack, q.band)
		err = selection.WritePack(ctx, data)
		if err == nil {
			err = data.Flush()
		}
		if err != nil {
			failed := newSideband(out, bandError, q.band)
			_, _ = io.WriteString(failed, "the pack could not be sent whole; try again\n")
			_ = failed.Flush()
		} else {
			err = writeFlush(out)
		}
	}
	if ferr := out.Flush(); err == nil {
		err = ferr
	}
	if err != nil && ctx.Err() == nil {
		web.RecordOf(ctx).Err = err
	}
}
