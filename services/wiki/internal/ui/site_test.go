package ui_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"golang.org/x/net/html"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki"
	"wikibot.io/pkg/wiki/wikitest"
	"wikibot.io/services/wiki/internal/ui"
)

// site is the UI on a real engine, with a public and a private wiki and a
// person in every role.
type site struct {
	*wikitest.House
	t       *testing.T
	handler http.Handler
	open    records.Wiki // public
	closed  records.Wiki // private
}

// principals, by the role they have in both wikis. A request says in the header
// X-As who it comes from, as the authenticator would find out.
var principals = map[string]identity.Principal{
	"anonymous": {Kind: identity.Anonymous},
	"stranger":  {Kind: identity.Session, UserID: "sam", Username: "sam", DisplayName: "Sam"},
	"viewer":    {Kind: identity.Session, UserID: "vic", Username: "vic", DisplayName: "Vic"},
	"editor":    {Kind: identity.Session, UserID: "edi", Username: "edi", DisplayName: "Edi"},
	"owner":     {Kind: identity.Session, UserID: "ada", Username: "ada", DisplayName: "Ada"},
	"foreign token": {
		Kind: identity.WikiToken, UserID: "ada", Username: "ada", DisplayName: "Ada",
		WikiID: "of-another-wiki", MaxRole: records.Editor,
	},
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{House: wikitest.New(t), t: t}
	for _, name := range []string{"sam", "vic", "edi"} {
		u := records.User{ID: name, Username: name, Email: name + "@example.org", DisplayName: name, Tier: records.Premium, CreatedAt: time.Now()}
		s.must(s.Records.CreateUser(t.Context(), u, records.Identity{Provider: "dev", Subject: name}))
	}
	s.open, s.closed = s.wiki("open"), s.wiki("closed")
	yes := true
	var err error
	s.open, err = s.Records.UpdateWiki(t.Context(), s.open.ID, records.WikiChange{Public: &yes}, &events.Actor{})
	s.must(err)
	hosts, err := web.NewHosts("http://wikibot.localhost")
	s.must(err)
	pages, err := ui.New(ui.Deps{Engine: s.Engine, Gate: identity.Gate{Records: s.Records}, Hosts: hosts})
	s.must(err)
	s.handler = web.Stack(slog.New(slog.DiscardHandler), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages.ServeHTTP(w, r.WithContext(identity.With(r.Context(), principals[r.Header.Get("X-As")])))
	}))
	return s
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) wiki(slug string) records.Wiki {
	w := s.House.Wiki(s.t, slug)
	for user, role := range map[string]records.Role{"vic": records.Viewer, "edi": records.Editor} {
		s.must(s.Records.PutGrant(s.t.Context(), records.Grant{WikiID: w.ID, UserID: user, Role: role, GrantedBy: "ada", GrantedAt: time.Now()}, 25, &events.Actor{}))
	}
	return w
}

// answer is a response with its parsed page.
type answer struct {
	*httptest.ResponseRecorder
	t    *testing.T
	page *html.Node
}

// do sends a request as a browser would. A POST has a form.
func (s *site) do(as, method, slug, path string, form url.Values, header ...string) answer {
	s.t.Helper()
	r := httptest.NewRequest(method, "http://"+slug+".wikibot.localhost"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.Header.Set("X-As", as)
	if as != "anonymous" {
		r.Header.Set("Cookie", "session="+as)
	}
	if method != http.MethodGet && method != http.MethodHead {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://"+slug+".wikibot.localhost")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	a := answer{ResponseRecorder: w, t: s.t}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && w.Header().Get("Content-Encoding") == "" {
		page, err := html.Parse(strings.NewReader(w.Body.String()))
		s.must(err)
		a.page = page
	}
	return a
}

func (s *site) get(as, slug, path string, header ...string) answer {
	s.t.Helper()
	return s.do(as, http.MethodGet, slug, path, nil, header...)
}

func (s *site) post(as, slug, path string, form url.Values) answer {
	s.t.Helper()
	return s.do(as, http.MethodPost, slug, path, form)
}

// save writes a page past the UI and returns the new revision.
func (s *site) save(w records.Wiki, path, base, text string) string {
	s.t.Helper()
	res, err := s.Engine.Save(s.t.Context(), s.Now(s.t, w.ID), wiki.Save{Path: path, Base: base, Content: []byte(text), Author: wikitest.Ada})
	s.must(err)
	return res.Revision
}

// text reads a page past the UI.
func (s *site) text(w records.Wiki, path string) string {
	s.t.Helper()
	p, err := s.Engine.Read(s.t.Context(), s.Now(s.t, w.ID), path)
	s.must(err)
	return string(p.Content)
}

// plant commits files as an import would bring them, whatever their names and
// bytes.
func (s *site) plant(w records.Wiki, files map[string]string) {
	s.t.Helper()
	ctx := s.t.Context()
	w = s.Now(s.t, w.ID)
	repo, err := s.Git.Repo(ctx, w.ID)
	s.must(err)
	head, err := repo.Commit(ctx, plumbing.NewHash(w.Head))
	s.must(err)
	b := repo.NewBatch()
	var edits []gitstore.Edit
	change := records.HeadChange{WikiID: w.ID, Old: w.Head, At: time.Now()}
	for path, content := range files {
		edits = append(edits, gitstore.Edit{Path: path, Mode: filemode.Regular, ID: b.Blob([]byte(content))})
		if filepath.Ext(path) == ".md" {
			change.PageDelta++
		} else {
			change.FileDelta += int64(len(content))
		}
	}
	tree, err := b.Apply(ctx, head.Tree, edits)
	s.must(err)
	by := gitstore.Signature{Name: `<script>alert("name")</script>`, Email: "x@example.org", When: time.Now()}
	id := b.Commit(gitstore.Commit{Tree: tree, Parents: []gitstore.OID{head.ID}, Author: by, Committer: by, Message: "<img src=x onerror=alert(1)> planted\n"})
	s.must(b.Flush(ctx))
	change.New = id.String()
	change.Event, err = events.New(time.Now(), w.ID, &events.Actor{}, &eventsv1.PageSaved{Commit: &eventsv1.Commit{OldHead: w.Head, NewHead: change.New}})
	s.must(err)
	now, err := s.Records.AdvanceHead(ctx, change)
	s.must(err)
	s.must(repo.Mirror(ctx, id, now.Sequence))
}

// want checks the status and goes on with the answer.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("status %d, want %d; location %q; body:\n%s", a.Code, status, a.Header().Get("Location"), a.text())
	}
	return a
}

// leads checks where a redirect goes.
func (a answer) leads(to string) answer {
	a.t.Helper()
	if got := a.Header().Get("Location"); got != to {
		a.t.Errorf("leads to %q, want %q", got, to)
	}
	return a
}

// says checks for words in the visible text.
func (a answer) says(words ...string) answer {
	a.t.Helper()
	text := a.text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			a.t.Errorf("the page does not say %q:\n%s", w, text)
		}
	}
	return a
}

func (a answer) text() string {
	if a.page == nil {
		return a.Body.String()
	}
	var b strings.Builder
	for n := range a.page.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// all returns the elements of a name with an attribute of that value; an empty
// key matches all.
func (a answer) all(name, key, value string) []*html.Node {
	var found []*html.Node
	for n := range a.page.Descendants() {
		if n.Type == html.ElementNode && n.Data == name && (key == "" || attr(n, key) == value) {
			found = append(found, n)
		}
	}
	return found
}

// field is the value of a form field as a browser would send it.
func (a answer) field(name string) string {
	a.t.Helper()
	for n := range a.page.Descendants() {
		if n.Type == html.ElementNode && attr(n, "name") == name {
			if n.Data != "textarea" {
				return attr(n, "value")
			}
			if n.FirstChild == nil {
				return ""
			}
			return n.FirstChild.Data
		}
	}
	a.t.Fatalf("no field %q in:\n%s", name, a.text())
	return ""
}

func attr(n *html.Node, key string) string {
	for _, at := range n.Attr {
		if at.Key == key {
			return at.Val
		}
	}
	return ""
}

// rename gives a wiki another display name.
func (s *site) rename(w records.Wiki, name string) {
	s.t.Helper()
	_, err := s.Records.UpdateWiki(s.t.Context(), w.ID, records.WikiChange{Name: &name}, &events.Actor{})
	s.must(err)
}
