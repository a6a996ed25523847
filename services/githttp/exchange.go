package githttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
	"wikibot.io/services/githttp/internal/pktline"
)

// resultType is the content type of every answer of git-upload-pack.
const resultType = "application/x-git-upload-pack-result"

// exchange is one request to git-upload-pack and its answer.
type exchange struct {
	s     *Service
	ctx   context.Context // of the request, for which alone an exchange lives
	w     http.ResponseWriter
	r     *http.Request
	entry identity.Entry
	in    *pktline.Reader
	out   *pktline.Writer
	read  bool // the request was read whole, and makes sense
}

// uploadPack answers one request of a client that reads.
func (s *Service) uploadPack(w http.ResponseWriter, r *http.Request, entry identity.Entry) error {
	if r.Method != http.MethodPost {
		return web.WrongMethod(w, r, http.MethodPost)
	}
	body, err := openBody(w, r)
	if err != nil {
		return err
	}
	buf := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	x := &exchange{s: s, ctx: r.Context(), w: w, r: r, entry: entry, in: pktline.NewReader(body), out: pktline.NewWriter(w, *buf)}
	if version(r) == 2 {
		err = x.command()
	} else {
		err = x.fetch0()
	}
	if _, refused := errors.AsType[refusal](err); err != nil && !x.read && !refused {
		return err
	}
	w.Header().Set("Content-Type", resultType)
	if err != nil {
		// What has been gathered is still here, or has gone out as the protocol has
		// it: in both cases a packet with the error may follow.
		x.out.Line("ERR %s", web.ProblemOf(r, err).Error)
	}
	_ = x.out.Send() // the client is gone if this fails
	return nil
}

// history opens the history of the head that was advertised, or of a later one.
func (x *exchange) history() (*gitstore.History, error) {
	return x.s.history(x.ctx, x.entry)
}

func (s *Service) history(ctx context.Context, entry identity.Entry) (*gitstore.History, error) {
	repo, err := s.git.Repo(ctx, entry.Wiki.ID)
	if err != nil {
		return nil, err
	}
	return repo.History(ctx, plumbing.NewHash(entry.Wiki.Head), entry.Wiki.BasePacks)
}

// resolve makes sure that the client may have what it asks for, and puts the
// question to the store. There must be wants.
func (x *exchange) resolve(a *ask) (*gitstore.History, gitstore.Fetch, error) {
	if x.entry.Wiki.Head == "" {
		return nil, gitstore.Fetch{}, refuse("upload-pack: not our ref %s", a.wants[0])
	}
	h, err := x.history()
	if err != nil {
		return nil, gitstore.Fetch{}, err
	}
	a.wants = unique(a.wants)
	stranger, err := h.Unreachable(x.ctx, a.wants)
	if err != nil {
		return nil, gitstore.Fetch{}, err
	}
	if !stranger.IsZero() {
		// Also for what is there and was never part of the wiki, such as the commit of
		// a save that lost the race for the head.
		return nil, gitstore.Fetch{}, refuse("upload-pack: not our ref %s", stranger)
	}
	f, err := a.fetch(h)
	return h, f, err
}

// edge tells how the edge of a shallow clone changes.
func (x *exchange) edge(b gitstore.Boundary) {
	for _, id := range b.Shallow {
		x.out.Line("shallow %s\n", id)
	}
	for _, id := range b.Unshallow {
		x.out.Line("unshallow %s\n", id)
	}
}

// send sends what was selected. An error that comes so late can only be noted, and
// told in the band for it.
func (x *exchange) send(selection *gitstore.Selection, band int, quiet bool) {
	x.w.Header().Set("Content-Type", resultType)
	if band == 0 {
		x.note(selection.WritePack(x.ctx, x.out.Raw()), x.abort)
		return
	}
	if n := selection.Objects(); n > 0 && !quiet {
		x.progress(n, band)
	}
	err := selection.WritePack(x.ctx, x.out.Band(pktline.BandPack, band))
	if err == nil {
		x.out.Flush()
		return
	}
	x.note(err, func() {
		_, _ = io.WriteString(x.out.Band(pktline.BandError, band), "the pack could not be sent whole; try again\n")
	})
}

// progress shows people that the answer has begun, before anything of the pack
// has been read.
func (x *exchange) progress(objects, band int) {
	msg := "wikibot: 1 object, as it is stored\n"
	if objects > 1 {
		msg = fmt.Sprintf("wikibot: %d objects, as they are stored\n", objects)
	}
	// A failure shows when the pack is written.
	_, _ = io.WriteString(x.out.Band(pktline.BandProgress, band), msg)
	_ = x.out.Send()
	_ = http.NewResponseController(x.w).Flush()
}

// note records why a pack could not be sent whole, and tells the client if it is
// still there.
func (x *exchange) note(err error, tell func()) {
	if err == nil || x.ctx.Err() != nil || x.out.Send() != nil {
		return
	}
	web.RecordOf(x.ctx).Err = err
	tell()
}

// abort breaks the connection, which is the only way to say that what went out
// is not the whole answer.
func (x *exchange) abort() { panic(http.ErrAbortHandler) }

// version is the highest version of the protocol that a client offers
// (gitprotocol-v2(5), "HTTP Transport"): 0, 1 or 2.
func version(r *http.Request) int {
	v := 0
	for key := range strings.SplitSeq(r.Header.Get("Git-Protocol"), ":") {
		switch key {
		case "version=1":
			v = max(v, 1)
		case "version=2":
			v = 2
		}
	}
	return v
}
