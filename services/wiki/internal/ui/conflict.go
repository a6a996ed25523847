package ui

import (
	"fmt"
	"net/http"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/textdiff"
	"wikibot.io/pkg/wiki"
)

// conflict is a save that overlaps with another: nothing is stored, nothing lost.
type conflict struct {
	Base, Theirs, Yours string
	Runs                [][]diffLine // from theirs to yours
	Places              int          // where the two texts have to be settled
}

var marks = textdiff.Marks{
	Yours:  "<<<<<<< your text",
	Middle: "=======",
	Theirs: ">>>>>>> the page as it is now",
}

// showConflict offers the two texts merged, with the places where both changed
// the same lines marked, and starts the next attempt from the present revision.
func (u *UI) showConflict(v *visit, d *editView, m *fault.Merge) error {
	merged, places := textdiff.Mark([]byte(m.Base), []byte(m.Theirs), []byte(m.Yours), marks)
	d.Conflict = &conflict{Base: m.Base, Theirs: m.Theirs, Yours: m.Yours, Runs: runsOf(wiki.Hunks([]byte(unix(m.Theirs)), []byte(unix(m.Yours)))), Places: places}
	d.Text, d.Base = unix(string(merged)), m.CurrentRevision
	d.Title = "Both of you changed " + d.Path
	return u.showEditor(v, http.StatusConflict, d)
}

// unsettled refuses a text in which a mark of the conflict screen is left.
func (u *UI) unsettled(v *visit, d *editView, line int) error {
	d.Errors = map[string]string{"content": fmt.Sprintf("Line %d still marks a place where both of you changed the text. Keep what should stay there and delete the three marked lines.", line)}
	d.Conflict = &conflict{Places: strings.Count("\n"+d.Text, "\n"+marks.Yours)}
	return u.showEditor(v, http.StatusUnprocessableEntity, d)
}

// markerLine returns the number of the first line that is one of our marks, 0
// for none. A line of equals signs alone is a Markdown heading's underline.
func markerLine(text string) int {
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimRight(line, "\r\n"); line == marks.Yours || line == marks.Theirs {
			return n
		}
	}
	return 0
}
