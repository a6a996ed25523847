package markdown

// Info is what can be known of a page without rendering it. It is a function of
// the text alone, so it may be cached by blob id.
type Info struct {
	Title       string         // front matter's title, else the first level-1 heading's text, else ""
	FrontMatter map[string]any // nil if there is none or it is no YAML mapping
	Category    string
	Tags        []string // front matter's "tags": a list, or a string split at commas
	Headings    []Heading
	Links       []Link // to other pages of the wiki, in order, duplicates kept
	Words       int    // white-space separated, of the body
	Text        string // the body as plain text, for search: one paragraph a line, no markup
}

// Heading is one heading with its anchor.
type Heading struct {
	Level  int // 1 to 6
	Text   string
	Anchor string // the id in the rendered page, unique within it
}

// Link is a link or image that points to a page or attachment of the same wiki.
// Links within the page (#fragment) and to the wiki's own screens (/-/…) are
// none.
type Link struct {
	// Target is the resolved wiki path: relative links are resolved against the
	// page's folder, dot segments are gone, it is percent-decoded and NFC, without
	// leading slash, ".md", query or fragment. Compare with pagepath.Key.
	Target string
	// Alt is the second reading of a link that begins with "./", which may mean the
	// page's attachment folder or its own folder; "" for all other links.
	Alt  string
	Wiki bool // [[WikiLink]] rather than [text](/target)
	File bool // looks like a file: no WikiLink, and an extension other than ".md"
}

// Read extracts Info from the text of the page at path, which is needed for
// relative links only. It never fails: what is no valid front matter is text,
// and what is no UTF-8 is U+FFFD.
func Read(path string, src []byte) *Info {
	d := parse(validText(src), false)
	return &Info{
		Title:       d.title(),
		FrontMatter: d.front,
		Category:    frontString(d.front["category"]),
		Tags:        frontTags(d.front["tags"]),
		Headings:    d.contents(nil),
		Links:       d.links(path),
		Words:       countWords(d.body),
		Text:        d.text(),
	}
}

// Options is what rendering needs to know of the page's surroundings.
type Options struct {
	// Path of the page, for relative links.
	Path string
	// Exists tells whether a page or attachment exists; links to what does not get
	// the class "missing". It is asked once per distinct target, and for exactly
	// those that [Targets] lists. Nil means that everything exists.
	Exists func(target string) bool
}

// Page is a rendered page.
type Page struct {
	HTML     string    // sanitised; the first level-1 heading is left out when it equals Title
	Title    string    // see Info
	Anchor   string    // of the heading that was left out, for the caller's own; "" if none was
	Headings []Heading // for the contents list, without the heading that was left out
}

// Render renders a page's text. The same text, path and answers of Exists give
// the same page, but for code so expensive to highlight that it stays plain. It
// is safe for concurrent use.
func Render(src []byte, o Options) (*Page, error) {
	d := parse(validText(src), false)
	page := &Page{Title: d.title()}
	skip := d.dropTitle()
	if skip != nil {
		page.Anchor = d.anchors[skip]
	}
	page.Headings = d.contents(skip)
	var err error
	page.HTML, err = d.render(o)
	return page, err
}

// Targets lists the distinct page targets that Render would ask Exists for, so
// that a caller can tell whether a cached rendering still holds.
func Targets(src []byte, path string) []string {
	d := parse(validText(src), false)
	d.dropTitle()
	return d.asked(path)
}
