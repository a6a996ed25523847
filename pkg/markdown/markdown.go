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
// relative links only. It never fails: what is no valid front matter is text.
func Read(path string, src []byte) *Info { panic("unwritten") }

// Options is what rendering needs to know of the page's surroundings.
type Options struct {
	// Path of the page, for relative links.
	Path string
	// Exists tells whether a page or attachment exists; links to pages that do
	// not get the class "missing". It is asked once per distinct target.
	Exists func(target string) bool
}

// Page is a rendered page.
type Page struct {
	HTML     string // sanitised; the first level-1 heading is left out when it equals Title
	Title    string
	Headings []Heading // for the contents list
}

// Render renders a page's text.
func Render(src []byte, o Options) (*Page, error) { panic("unwritten") }

// Targets lists the distinct page targets that Render would ask Exists for, so
// that a caller can tell whether a cached rendering still holds.
func Targets(src []byte, path string) []string { panic("unwritten") }

// Relink rewrites, in the text of the page at path (after a rename, its new
// path is given as newPath, which is equal to path otherwise), every WikiLink
// and Markdown link or image that points to the page oldTarget, or to a file in
// its attachment folder, so that it points to newTarget. Everything else stays
// byte for byte. It reports whether anything changed.
func Relink(src []byte, path, newPath, oldTarget, newTarget string) ([]byte, bool) {
	panic("unwritten")
}
