package textdiff

import "bytes"

// Lines splits a text after each newline. The last line may lack one; an empty
// text has no lines. The slices share the text's memory.
func Lines(text []byte) [][]byte {
	lines := make([][]byte, 0, bytes.Count(text, newline)+1)
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n') + 1
		if end == 0 {
			end = len(text)
		}
		lines = append(lines, text[:end])
		text = text[end:]
	}
	return lines
}

var newline = []byte{'\n'}

// Change says that the lines a[AStart:AEnd] became b[BStart:BEnd]. One of the
// two may be empty, never both.
type Change struct{ AStart, AEnd, BStart, BEnd int }

// Diff returns the changes that turn a into b, in order, with at least one
// common line between any two of them.
func Diff(a, b [][]byte) []Change {
	d := differ{ids: make(map[string]int32, len(a))}
	ai, bi := d.intern(a), d.intern(b)
	d.pairs(ai, bi, 0, 0)
	return changes(d.runs, len(a), len(b))
}

// run is a stretch of equal lines.
type run struct{ a, b, n int }

type differ struct {
	ids  map[string]int32
	runs []run
}

func (d *differ) intern(lines [][]byte) []int32 {
	out := make([]int32, len(lines))
	for i, l := range lines {
		id, ok := d.ids[string(l)]
		if !ok {
			id = int32(len(d.ids))
			d.ids[string(l)] = id
		}
		out[i] = id
	}
	return out
}

func (d *differ) equal(a, b, n int) {
	if n == 0 {
		return
	}
	if k := len(d.runs) - 1; k >= 0 && d.runs[k].a+d.runs[k].n == a && d.runs[k].b+d.runs[k].n == b {
		d.runs[k].n += n
		return
	}
	d.runs = append(d.runs, run{a, b, n})
}

// pairs finds equal runs between a and b, which begin at ao and bo in the whole.
func (d *differ) pairs(a, b []int32, ao, bo int) {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	d.equal(ao, bo, head)
	a, b, ao, bo = a[head:], b[head:], ao+head, bo+head
	tail := 0
	for tail < len(a) && tail < len(b) && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	a, b = a[:len(a)-tail], b[:len(b)-tail]
	if len(a) > 0 && len(b) > 0 {
		if anchors := unique(a, b); len(anchors) > 0 {
			i, j := 0, 0
			for _, at := range anchors {
				d.pairs(a[i:at.a], b[j:at.b], ao+i, bo+j)
				d.equal(ao+at.a, bo+at.b, 1)
				i, j = at.a+1, at.b+1
			}
			d.pairs(a[i:], b[j:], ao+i, bo+j)
		} else {
			d.myers(a, b, ao, bo)
		}
	}
	d.equal(ao+len(a), bo+len(b), tail)
}

// unique returns the longest increasing sequence of lines that occur exactly
// once on each side.
func unique(a, b []int32) []run {
	type count struct{ a, b, ai, bi int }
	counts := make(map[int32]*count, len(a))
	for i, id := range a {
		c := counts[id]
		if c == nil {
			c = new(count)
			counts[id] = c
		}
		c.a, c.ai = c.a+1, i
	}
	for j, id := range b {
		if c := counts[id]; c != nil {
			c.b, c.bi = c.b+1, j
		}
	}
	// Patience sorting: piles of indexes into both, each with a link to the top of
	// the pile before it.
	type card struct {
		a, b, prev int
	}
	var cards []card
	var tops []int
	for i, id := range a {
		c := counts[id]
		if c.a != 1 || c.b != 1 {
			continue
		}
		lo, hi := 0, len(tops)
		for lo < hi {
			if mid := (lo + hi) / 2; cards[tops[mid]].b < c.bi {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		prev := -1
		if lo > 0 {
			prev = tops[lo-1]
		}
		cards = append(cards, card{i, c.bi, prev})
		if lo == len(tops) {
			tops = append(tops, 0)
		}
		tops[lo] = len(cards) - 1
	}
	if len(tops) == 0 {
		return nil
	}
	out := make([]run, len(tops))
	for k, at := len(tops)-1, tops[len(tops)-1]; k >= 0; k-- {
		out[k] = run{cards[at].a, cards[at].b, 1}
		at = cards[at].prev
	}
	return out
}

// maxEdits bounds Myers' search, whose memory grows with its square.
const maxEdits = 1000

// myers finds equal lines by the greedy forward search, keeping the frontier of
// every step for the way back.
func (d *differ) myers(a, b []int32, ao, bo int) {
	limit := min(len(a)+len(b), maxEdits)
	offset := limit + 1
	v := make([]int32, 2*limit+3)
	var trace [][]int32
	for steps := 0; steps <= limit; steps++ {
		trace = append(trace, append([]int32(nil), v[offset-steps-1:offset+steps+2]...))
		for k := -steps; k <= steps; k += 2 {
			var x int32
			if k == -steps || k != steps && v[offset+k-1] < v[offset+k+1] {
				x = v[offset+k+1]
			} else {
				x = v[offset+k-1] + 1
			}
			for int(x) < len(a) && int(x)-k < len(b) && a[x] == b[int(x)-k] {
				x++
			}
			v[offset+k] = x
			if int(x) >= len(a) && int(x)-k >= len(b) {
				d.backtrack(trace, len(a), len(b), ao, bo)
				return
			}
		}
	}
}

func (d *differ) backtrack(trace [][]int32, x, y, ao, bo int) {
	var found []run
	for steps := len(trace) - 1; steps >= 0; steps-- {
		v := trace[steps]
		at := func(k int) int { return int(v[k+steps+1]) }
		k := x - y
		var fromX, fromY int
		if steps > 0 {
			prev := k - 1
			if k == -steps || k != steps && at(k-1) < at(k+1) {
				prev = k + 1
			}
			fromX = at(prev)
			fromY = fromX - prev
		}
		// The snake: diagonal steps back to where this step's insertion or deletion ended.
		if n := min(x-fromX, y-fromY); n > 0 {
			found = append(found, run{x - n, y - n, n})
		}
		x, y = fromX, fromY
	}
	for i := len(found) - 1; i >= 0; i-- {
		d.equal(ao+found[i].a, bo+found[i].b, found[i].n)
	}
}

func changes(runs []run, la, lb int) []Change {
	var out []Change
	a, b := 0, 0
	for _, r := range append(runs, run{la, lb, 0}) {
		if r.a > a || r.b > b {
			out = append(out, Change{a, r.a, b, r.b})
		}
		a, b = r.a+r.n, r.b+r.n
	}
	return out
}
