package githttp

import "wikibot.io/pkg/gitstore"

// answer is what one round of a negotiation says.
type answer struct {
	lines  []string
	common []gitstore.OID // what the client has of the history
	pack   bool           // the pack follows
}

// freeLooks is how often one round asks whether enough is known as soon as
// anything more is: the answer may take a walk, and a hostile client could force
// one with each line. From then on it asks when a quarter more is known.
const freeLooks = 16

// negotiation is the state of one round.
type negotiation struct {
	q      *request
	enough func(common []gitstore.OID) (bool, error)
	answer

	last   string // common commit, in hex
	looked int    // number of common commits when enough was asked last
	looks  int
	ready  bool // they were enough, which more of them cannot change
}

// negotiate answers the commits that a client offers in versions 0 and 1, as
// git's own server does. has reports whether a commit is in the history; enough,
// whether the client needs to offer no more than some that are.
func negotiate(q *request, has func(gitstore.OID) bool, enough func([]gitstore.OID) (bool, error)) (answer, error) {
	n := negotiation{q: q, enough: enough}
	foreign, told := false, false
	for _, id := range q.haves {
		if has(id) {
			n.found(id)
			continue
		}
		foreign = true
		if !q.multi || !n.ready && n.looks >= freeLooks && len(n.common) < n.looked+n.looked/4 {
			continue
		}
		ready, err := n.isEnough()
		if err != nil {
			return answer{}, err
		}
		if ready { // the client may stop looking behind this one
			if q.detailed {
				told = true
				n.say(id.String(), " ready")
			} else {
				n.say(id.String(), " continue")
			}
		}
	}
	if q.done {
		switch {
		case len(n.common) == 0:
			n.lines = append(n.lines, "NAK")
		case q.multi:
			n.say(n.last, "")
		}
		n.pack = true
		return n.answer, nil
	}
	if q.detailed && len(n.common) > 0 && !foreign {
		ready, err := n.isEnough()
		if err != nil {
			return answer{}, err
		}
		if ready {
			told = true
			n.say(n.last, " ready")
		}
	}
	if q.multi || len(n.common) == 0 {
		n.lines = append(n.lines, "NAK")
	}
	if q.noDone && told {
		n.say(n.last, "")
		n.pack = true
	}
	return n.answer, nil
}

func (n *negotiation) say(id, what string) { n.lines = append(n.lines, "ACK "+id+what) }

// found acknowledges a common commit.
func (n *negotiation) found(id gitstore.OID) {
	n.common, n.last = append(n.common, id), id.String()
	switch {
	case n.q.detailed:
		n.say(n.last, " common")
	case n.q.multi:
		n.say(n.last, " continue")
	case len(n.common) == 1:
		n.say(n.last, "")
	}
}

// isEnough asks only if something has been found since it was asked last.
func (n *negotiation) isEnough() (bool, error) {
	if n.ready || len(n.common) == n.looked {
		return n.ready, nil
	}
	n.looked, n.looks = len(n.common), n.looks+1
	var err error
	n.ready, err = n.enough(n.common)
	return n.ready, err
}
