package githttp

import (
	"io"

	"wikibot.io/pkg/gitstore"
)

// answer is what one round of a negotiation says.
type answer struct {
	lines []string
	have  []gitstore.OID // common commits, for the selection
	pack  bool           // the pack follows
}

// negotiate answers the commits that a client has, as git's own server does
// (gitprotocol-pack(5), "Packfile Negotiation"). common holds those that are in
// the history of the head; since the client wants the head, one of them is
// enough to begin with the pack.
func negotiate(q *request, common map[gitstore.OID]bool) answer {
	var a answer
	var last string
	ready, other := false, false
	say := func(id, what string) { a.lines = append(a.lines, "ACK "+id+what+"\n") }
	for _, id := range q.haves {
		hex := id.String()
		switch {
		case common[id]:
			a.have, last, other = append(a.have, id), hex, false
			switch {
			case q.detailed:
				say(hex, " common")
			case q.multi:
				say(hex, " continue")
			case len(a.have) == 1:
				say(hex, "")
			}
		case q.multi && len(a.have) > 0:
			// The client may stop looking.
			other = true
			if q.detailed {
				ready = true
				say(hex, " ready")
			} else {
				say(hex, " continue")
			}
		default:
			other = true
		}
	}
	if q.done {
		switch {
		case len(a.have) == 0:
			a.lines = append(a.lines, "NAK\n")
		case q.multi:
			say(last, "")
		}
		a.pack = true
		return a
	}
	if q.detailed && len(a.have) > 0 && !other {
		ready = true
		say(last, " ready")
	}
	if q.multi || len(a.have) == 0 {
		a.lines = append(a.lines, "NAK\n")
	}
	if q.noDone && ready {
		say(last, "")
		a.pack = true
	}
	return a
}

func (a answer) write(w io.Writer) error {
	for _, line := range a.lines {
		if err := writePacket(w, "%s", line); err != nil {
			return err
		}
	}
	return nil
}
