package textdiff

import "bytes"

// Merge joins two edits of one base, line by line. Where both changed the same
// or touching lines differently it reports a conflict; merged then holds theirs
// for those stretches and is for display only.
func Merge(base, theirs, yours []byte) (merged []byte, clean bool) {
	switch {
	case bytes.Equal(theirs, yours), bytes.Equal(base, yours):
		return theirs, true
	case bytes.Equal(base, theirs):
		return yours, true
	}
	o, a, b := Lines(base), Lines(theirs), Lines(yours)
	m := merger{o: o, a: a, b: b, ca: Diff(o, a), cb: Diff(o, b), clean: true}
	m.run()
	return m.out.Bytes(), m.clean
}

// Marks are the lines, without line end, between which [Mark] puts the two
// sides of a conflict.
type Marks struct{ Yours, Middle, Theirs string }

// Mark joins two edits as [Merge] does, but keeps both sides of each conflict,
// yours first, between marks, for a person to settle. It counts the conflicts.
func Mark(base, theirs, yours []byte, marks Marks) (marked []byte, conflicts int) {
	o, a, b := Lines(base), Lines(theirs), Lines(yours)
	m := merger{o: o, a: a, b: b, ca: Diff(o, a), cb: Diff(o, b), marks: &marks}
	m.run()
	return m.out.Bytes(), m.conflicts
}

type merger struct {
	o, a, b [][]byte
	ca, cb  []Change
	out     bytes.Buffer
	clean   bool
	marks   *Marks // nil: a conflict is settled for theirs

	conflicts int
	shiftA    int // how far a is ahead of o at the present place
	shiftB    int
}

func (m *merger) run() {
	at := 0 // line of the base up to which all is written
	for len(m.ca) > 0 || len(m.cb) > 0 {
		start, end, takeA, takeB := m.region()
		m.write(m.o[at:start])
		as, bs := start+m.shiftA, start+m.shiftB
		for _, c := range m.ca[:takeA] {
			m.shiftA += (c.BEnd - c.BStart) - (c.AEnd - c.AStart)
		}
		for _, c := range m.cb[:takeB] {
			m.shiftB += (c.BEnd - c.BStart) - (c.AEnd - c.AStart)
		}
		m.ca, m.cb = m.ca[takeA:], m.cb[takeB:]
		m.settle(m.a[as:end+m.shiftA], m.b[bs:end+m.shiftB], takeA > 0, takeB > 0)
		at = end
	}
	m.write(m.o[at:])
}

// region returns the next stretch of the base that either side changed, grown
// until no change of the other side touches it, and how many changes of each
// side it takes in.
func (m *merger) region() (start, end, takeA, takeB int) {
	first := func(cs []Change) int {
		if len(cs) == 0 {
			return len(m.o) + 1
		}
		return cs[0].AStart
	}
	start = min(first(m.ca), first(m.cb))
	end = start
	for {
		switch {
		case takeA < len(m.ca) && touches(m.ca[takeA], start, end, takeA+takeB > 0):
			end = max(end, m.ca[takeA].AEnd)
			takeA++
		case takeB < len(m.cb) && touches(m.cb[takeB], start, end, takeA+takeB > 0):
			end = max(end, m.cb[takeB].AEnd)
			takeB++
		default:
			return start, end, takeA, takeB
		}
	}
}

// touches reports whether a change begins within, or right at the end of, the
// stretch: with no unchanged line between, nobody can tell in which order the
// two were meant.
func touches(c Change, start, end int, open bool) bool {
	if !open {
		return c.AStart == start
	}
	return c.AStart <= end
}

func (m *merger) settle(a, b [][]byte, changedA, changedB bool) {
	switch {
	case !changedB:
		m.write(a)
	case !changedA:
		m.write(b)
	case equalLines(a, b):
		m.write(a)
	case m.marks != nil:
		m.conflicts++
		m.mark(a, b)
	default:
		m.clean = false
		m.write(a)
	}
}

func (m *merger) mark(theirs, yours [][]byte) {
	m.line(m.marks.Yours)
	m.write(yours)
	m.line(m.marks.Middle)
	m.write(theirs)
	m.line(m.marks.Theirs)
}

// line writes a line of its own, even after a last line that has no end.
func (m *merger) line(s string) {
	if b := m.out.Bytes(); len(b) > 0 && b[len(b)-1] != '\n' {
		m.out.WriteByte('\n')
	}
	m.out.WriteString(s)
	m.out.WriteByte('\n')
}

func equalLines(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (m *merger) write(lines [][]byte) {
	for _, l := range lines {
		m.out.Write(l)
	}
}
