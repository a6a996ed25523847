package githttp

import (
	"bytes"
	"errors"
	"io"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/services/githttp/internal/pktline"
)

// request is what a client asks git-upload-pack for in versions 0 and 1
// (gitprotocol-pack(5), "Packfile Negotiation").
type request struct {
	ask
	detailed, multi bool // multi_ack_detailed, multi_ack
	noDone          bool // the pack may follow as soon as enough is known
	filters         bool // "filter" was among the capabilities
	band            int  // size of side-band packets; 0 for none
	// ended says that nothing follows the wants: such a client wants to know the
	// edge of its shallow clone before it offers commits.
	ended bool
}

// fetch0 answers one round of a fetch.
func (x *exchange) fetch0() error {
	q, err := parseRequest(x.in)
	if err != nil {
		return err
	}
	x.read = true
	if len(q.wants) == 0 {
		return nil
	}
	h, f, err := x.resolve(&q.ask)
	if err != nil {
		return err
	}
	var edge gitstore.Boundary
	if !f.Deepen.IsZero() {
		if edge, err = h.Boundary(x.ctx, f); err != nil {
			return err
		}
		x.edge(edge)
		x.out.Flush() // in every round, since no round knows of another
	}
	if q.ended {
		return nil
	}
	a, err := negotiate(q, h.Has, func(common []gitstore.OID) (bool, error) { return h.Enough(x.ctx, f.Wants, common) })
	if err != nil {
		return err
	}
	for _, line := range a.lines {
		x.out.Line("%s\n", line)
	}
	if !a.pack {
		return nil
	}
	f.Haves = a.common
	selection, err := h.Select(x.ctx, f, edge)
	if err != nil {
		return err
	}
	x.send(selection, q.band, q.quiet)
	return nil
}

// parseRequest reads one round: wants, a flush packet, haves, and then a flush
// packet or "done".
func parseRequest(in *pktline.Reader) (*request, error) {
	q := &request{}
	if err := q.readWants(in); err != nil || len(q.wants) == 0 {
		return q, err
	}
	for first := true; ; first = false {
		kind, line, err := in.Next()
		switch {
		case errors.Is(err, io.EOF) && first:
			q.ended = true
			return q, nil
		case err != nil:
			return nil, tooLargeOr(err, "a packet is malformed")
		case kind == pktline.Flush:
			return q, nil
		case kind == pktline.Line && string(line) == "done":
			q.done = true
			return q, nil
		}
		digits, ok := bytes.CutPrefix(line, []byte("have "))
		if !ok {
			return nil, malformed("unknown line after the wants")
		}
		if err := q.have(digits); err != nil {
			return nil, err
		}
	}
}

// readWants reads up to the first flush packet.
func (q *request) readWants(in *pktline.Reader) error {
	for first := true; ; first = false {
		kind, line, err := in.Next()
		switch {
		case errors.Is(err, io.EOF) && first:
			return nil // an empty request, to see if it may
		case err != nil:
			return tooLargeOr(err, "a packet is malformed")
		case kind == pktline.Flush:
			return q.complete()
		case kind != pktline.Line:
			return malformed("an unknown packet among the wants")
		}
		if rest, ok := bytes.CutPrefix(line, []byte("want ")); ok {
			digits, chosen, _ := bytes.Cut(rest, []byte(" "))
			if err := q.want(digits); err != nil {
				return err
			}
			q.choose(chosen)
			continue
		}
		known, err := q.limit(line)
		if err != nil {
			return err
		}
		if !known {
			return malformed("unknown line among the wants")
		}
	}
}

// complete checks what the wants came with.
func (q *request) complete() error {
	switch {
	case len(q.wants) == 0 && (q.depth > 0 || q.filtered || len(q.shallow) > 0):
		return malformed("limits without a want")
	case q.filtered && !q.filters:
		return malformed("a filter that was not announced")
	}
	return nil
}

// choose notes the capabilities that the client chose.
func (q *request) choose(chosen []byte) {
	for c := range bytes.FieldsSeq(chosen) {
		switch string(c) {
		case "multi_ack_detailed":
			q.detailed, q.multi = true, true
		case "multi_ack":
			q.multi = true
		case "no-done":
			q.noDone = true
		case "side-band-64k":
			q.band = pktline.LargeBand
		case "side-band":
			q.band = max(q.band, pktline.SmallBand)
		case "thin-pack":
			q.thin = true
		case "no-progress":
			q.quiet = true
		case "deepen-relative":
			q.relative = true
		case "filter":
			q.filters = true
		}
	}
}
