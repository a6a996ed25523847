package records

import (
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/fault"
)

// What follows is the same for every driver, whatever it stores into.

// FoldEmail makes the key under which an e-mail address is reserved.
func FoldEmail(email string) string {
	return norm.NFC.String(strings.ToLower(strings.TrimSpace(norm.NFC.String(email))))
}

// Check returns Invalid for a step that is none.
func (c HeadChange) Check() error {
	switch {
	case c.New == "" || c.New == c.Old:
		return fault.Invalidf("new", "advance head of wiki %s: it must be another commit than the old one", c.WikiID)
	case events.CommitOf(c.Event) == nil:
		return fault.Invalidf("event", "advance head of wiki %s: a step needs a page event with a commit", c.WikiID)
	case c.Event.GetId() == "" || c.Event.GetTime() == nil:
		return fault.Invalidf("event", "advance head of wiki %s: the event has no id or time", c.WikiID)
	case c.Event.GetWikiId() != c.WikiID:
		return fault.Invalidf("event", "advance head of wiki %s: the event is about another wiki", c.WikiID)
	}
	return nil
}

// CheckLimits returns Limit if the record's counters, after the change, are over
// what the change allows.
func (c HeadChange) CheckLimits(after Wiki) error {
	if c.PageDelta > 0 && c.MaxPages > 0 && after.PageCount > c.MaxPages {
		return fault.New(fault.Limit, "advance head of wiki %s: %d pages would be more than %d", c.WikiID, after.PageCount, c.MaxPages)
	}
	if c.FileDelta > 0 && c.MaxBytes > 0 && after.FileBytes > c.MaxBytes {
		return fault.New(fault.Limit, "advance head of wiki %s: %d bytes of attachments would be more than %d", c.WikiID, after.FileBytes, c.MaxBytes)
	}
	return nil
}

// Apply returns the record as the change leaves it.
func (c HeadChange) Apply(w Wiki) Wiki {
	w.Head, w.HeadAt = c.New, c.At.UTC()
	w.Sequence++
	w.PageCount += c.PageDelta
	w.FileBytes += c.FileDelta
	return w
}

// CheckLease returns Invalid for a lease that nobody could hold.
func CheckLease(wikiID, holder string, now, until time.Time) error {
	if holder == "" {
		return fault.Invalidf("holder", "lease the upkeep of wiki %s: nobody is named who holds it", wikiID)
	}
	if !until.After(now) {
		return fault.Invalidf("until", "lease the upkeep of wiki %s: it would have run out", wikiID)
	}
	return nil
}

// Check returns Invalid for a change that no record allows.
func (c BaseChange) Check() error {
	if c.Sequence < 0 {
		return fault.Invalidf("sequence", "replace bases of wiki %s: %d is no step", c.WikiID, c.Sequence)
	}
	return nil
}

// CheckSteps returns Invalid if the change's step cannot follow what the record says.
func (c BaseChange) CheckSteps(w Wiki) error {
	if c.Sequence > w.Sequence || c.Sequence < w.BaseSequence {
		return fault.Invalidf("sequence", "replace bases of wiki %s: step %d is none from %d to %d", c.WikiID, c.Sequence, w.BaseSequence, w.Sequence)
	}
	return nil
}

// Apply returns the record as the change leaves it.
func (c BaseChange) Apply(w Wiki) Wiki {
	w.BasePacks, w.BaseSequence = append([]string(nil), c.Packs...), c.Sequence
	return w
}

// Apply returns the record as the change leaves it.
func (c WikiChange) Apply(w Wiki) Wiki {
	if c.Name != nil {
		w.Name = *c.Name
	}
	if c.Public != nil {
		w.Public = *c.Public
	}
	if c.GitOff != nil {
		w.GitOff = *c.GitOff
	}
	return w
}

// Record returns the record with which the wiki starts.
func (n NewWiki) Record(owners Tier) Wiki {
	w := Wiki{
		ID: n.ID, Slug: n.Slug, Name: n.Name, OwnerID: n.OwnerID, Tier: owners, Public: n.Public,
		Head: n.Head, HeadAt: n.CreatedAt.UTC(), PageCount: n.PageCount, FileBytes: n.FileBytes,
		CreatedAt: n.CreatedAt.UTC(),
	}
	if n.Head != "" {
		w.Sequence = 1
	}
	if w.Sequence == 1 && len(n.BasePacks) > 0 {
		w.BasePacks, w.BaseSequence = append([]string(nil), n.BasePacks...), 1
	}
	return w
}

// OwnersLimit is how many wikis the owner may have: MaxWikis, within what
// SetTier can reach.
func (n NewWiki) OwnersLimit() int {
	if n.MaxWikis <= 0 {
		return MaxOwned
	}
	return min(n.MaxWikis, MaxOwned)
}

// Check returns Invalid for a token that cannot be kept.
func (t Token) Check() error {
	var wrong []fault.Field
	if t.Role != Editor && t.Role != Viewer {
		wrong = append(wrong, fault.Field{Name: "role", Msg: "is none of editor, viewer"})
	}
	for name, value := range map[string]string{"id": t.ID, "hash": t.Hash, "name": t.Name} {
		if value == "" {
			wrong = append(wrong, fault.Field{Name: name, Msg: "is missing"})
		}
	}
	return fault.InvalidFields("create token", wrong)
}

// Check returns Denied or Invalid for a grant that PutGrant cannot give.
func (g Grant) Check() error {
	switch g.Role {
	case Editor, Viewer:
		return nil
	case Owner:
		return fault.New(fault.Denied, "grant a role in wiki %s: a wiki has one owner", g.WikiID)
	}
	return fault.Invalidf("role", "%q is none of editor, viewer", g.Role)
}

// touchEvery is how often the use of a token by one agent is written down.
const touchEvery = time.Minute

// maxTouches bounds the agents remembered per token: beyond it, somebody makes
// them up.
const maxTouches = 16

// Touches is when which agents used a token in the minute before its last use,
// in Unix nanoseconds: kept with a token so that uses can be written down rarely.
type Touches map[string]int64

// Due reports whether a use of the token has to be written down.
func (k Touches) Due(t Token, at time.Time, agent string) bool {
	if last, ok := k[agent]; ok {
		return at.Sub(time.Unix(0, last)) >= touchEvery
	}
	if len(k) < maxTouches {
		return true
	}
	return at.Sub(t.LastUsed) >= touchEvery
}

// Note adds a use and drops those that are over.
func (k Touches) Note(at time.Time, agent string) Touches {
	out := Touches{agent: at.UnixNano()}
	for a, last := range k {
		if a != agent && at.Sub(time.Unix(0, last)) < touchEvery {
			out[a] = last
		}
	}
	return out
}
