package githttp

import (
	"bytes"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/services/githttp/internal/pktline"
)

// fetchArgs is what a client asks for with version 2's fetch.
type fetchArgs struct {
	ask
	wantRefs    []string
	waitForDone bool // never offer the pack before it is asked for
}

func (q *fetchArgs) take(arg []byte) error {
	verb, rest, _ := bytes.Cut(arg, []byte(" "))
	switch string(verb) {
	case "want":
		return q.want(rest)
	case "have":
		return q.have(rest)
	case "want-ref":
		switch name := string(rest); {
		case !isRef(name):
			return refuse("unknown ref %.100q", name)
		case slices.Contains(q.wantRefs, name):
			return refuse("duplicate want-ref %s", name)
		default:
			q.wantRefs = append(q.wantRefs, name)
			return nil
		}
	}
	switch string(arg) {
	case "done":
		q.done = true
	case "thin-pack":
		q.thin = true
	case "no-progress":
		q.quiet = true
	case "deepen-relative":
		q.relative = true
	case "wait-for-done":
		q.waitForDone = true
	case "ofs-delta": // every client knows them
	case "include-tag": // there are none
	default:
		known, err := q.limit(arg)
		if err == nil && !known {
			err = malformed("an unknown argument of fetch")
		}
		return err
	}
	return nil
}

// fetch2 answers version 2's fetch (gitprotocol-v2(5), "fetch").
func (x *exchange) fetch2(args *commandArgs) error {
	q := &fetchArgs{}
	if err := args.each(q.take); err != nil {
		return err
	}
	x.read = true
	head := x.entry.Wiki.Head
	switch {
	case len(q.wantRefs) > 0 && head == "":
		return refuse("unknown ref %s", q.wantRefs[0])
	case len(q.wantRefs) > 0:
		q.wants = append(q.wants, plumbing.NewHash(head))
	case len(q.wants) == 0 && q.waitForDone:
		return x.negotiateOnly(q)
	case len(q.wants) == 0:
		return nil
	}
	h, f, err := x.resolve(&q.ask)
	if err != nil {
		return err
	}
	f.Haves = h.Common(q.haves)
	if len(q.haves) > 0 && !q.done {
		ready := false
		if !q.waitForDone && len(f.Haves) > 0 {
			if ready, err = h.Enough(x.ctx, f.Wants, f.Haves); err != nil {
				return err
			}
		}
		x.acknowledge(f.Haves, ready)
		if !ready {
			return nil
		}
	}
	return x.sections(h, f, q)
}

// sections sends the pack and what goes before it.
func (x *exchange) sections(h *gitstore.History, f gitstore.Fetch, q *fetchArgs) error {
	var edge gitstore.Boundary
	if !f.Deepen.IsZero() || len(q.shallow) > 0 {
		x.out.Line("shallow-info\n")
		if !f.Deepen.IsZero() {
			var err error
			if edge, err = h.Boundary(x.ctx, f); err != nil {
				return err
			}
		}
		x.edge(edge)
		x.out.Delim()
	}
	if len(q.wantRefs) > 0 {
		x.out.Line("wanted-refs\n")
		for _, name := range q.wantRefs {
			x.out.Line("%s %s\n", h.Head(), name)
		}
		x.out.Delim()
	}
	selection, err := h.Select(x.ctx, f, edge)
	if err != nil {
		return err
	}
	x.out.Line("packfile\n")
	x.send(selection, pktline.LargeBand, q.quiet)
	return nil
}

// acknowledge answers the commits that a client offers.
func (x *exchange) acknowledge(common []gitstore.OID, ready bool) {
	x.out.Line("acknowledgments\n")
	if len(common) == 0 {
		x.out.Line("NAK\n")
	}
	for _, id := range common {
		x.out.Line("ACK %s\n", id)
	}
	if ready {
		x.out.Line("ready\n")
		x.out.Delim()
	} else {
		x.out.Flush()
	}
}

// negotiateOnly tells a client what it has of the wiki, and sends nothing of it
// (git-fetch(1), --negotiate-only).
func (x *exchange) negotiateOnly(q *fetchArgs) error {
	var common []gitstore.OID
	if x.entry.Wiki.Head != "" {
		h, err := x.history()
		if err != nil {
			return err
		}
		common = h.Common(q.haves)
	}
	if q.done {
		return refuse("nothing is wanted")
	}
	x.acknowledge(common, false)
	return nil
}
