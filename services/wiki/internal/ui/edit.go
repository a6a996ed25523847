package ui

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki"
)

// maxForm bounds the body of a save in bytes: a page of the largest size in the
// encoding that browsers use for forms, which may triple it, and as much again
// so that a page that is somewhat too large comes back to its writer.
const maxForm = 6*wiki.MaxPage + 64<<10

// editView is what edit.html draws.
type editView struct {
	shell
	New     bool // the path is asked for as well
	Path    string
	Crumbs  []crumb
	Text    string
	Message string
	Base    string // the revision that the text started from; "" creates
	Action  string // where the form goes
	Cancel  string

	Errors   map[string]string // by field: "path", "content", "message"
	Taken    string            // the page that bears the name already
	Failed   string            // what went wrong that belongs to no field
	Damaged  bool              // the stored page is not valid UTF-8
	Conflict *conflict
	Lost     *lost
}

func newURL(path string) string {
	return screenURL("new", "") + "?" + url.Values{"path": {path}}.Encode()
}

func (u *UI) editForm(v *visit) error {
	path := pagepath.Clean(v.path)
	p, err := u.engine.Read(v.ctx(), v.in.Wiki, path)
	if fault.Is(err, fault.NotFound) {
		v.redirect(newURL(path), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	d := u.editOf(v, p.Path)
	d.Text, d.Base = string(p.Content), p.Revision
	return u.showEditor(v, http.StatusOK, d)
}

// editOf is the editor of an existing page without its text.
func (u *UI) editOf(v *visit, path string) *editView {
	d := &editView{
		shell: u.shellOf(v, "Edit "+path, path, screenURL("edit", path)), Path: path, Crumbs: crumbs(path),
		Action: screenURL("edit", path), Cancel: pageURL(path),
	}
	d.Full = true
	return d
}

func (u *UI) newForm(v *visit) error {
	d := u.newOf(v, v.r.URL.Query().Get("path"))
	if name := pagepath.Title(d.Path); name != "" {
		d.Text = "# " + name + "\n\n"
	}
	return u.showEditor(v, http.StatusOK, d)
}

func (u *UI) newOf(v *visit, path string) *editView {
	d := &editView{
		shell: u.shellOf(v, "New page", "", screenURL("new", "")), New: true,
		Path: strings.ToValidUTF8(path, "\uFFFD"), Action: screenURL("new", ""), Cancel: "/",
	}
	d.Full, d.Here = true, "new"
	return d
}

func (u *UI) showEditor(v *visit, status int, d *editView) error {
	// A form field holds text; what is no text cannot come back from one.
	if clean := strings.ToValidUTF8(d.Text, "\uFFFD"); clean != d.Text {
		d.Text, d.Damaged = clean, d.Errors["content"] == ""
	}
	d.Message = strings.ToValidUTF8(d.Message, "\uFFFD")
	return u.render(v, status, "edit", d)
}

// submission is what the editor's form sends.
type submission struct {
	path, text, message, base string
	settled                   bool // sent from the conflict screen
}

func readSubmission(w http.ResponseWriter, r *http.Request) (submission, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return submission{}, fault.Wrap(err, fault.TooLarge, "save page: the text is several times larger than the %d bytes that a page may have", wiki.MaxPage)
	}
	if err != nil {
		return submission{}, fault.Wrap(err, fault.Invalid, "save page: the form could not be read")
	}
	return submission{
		path:    r.PostForm.Get("path"),
		text:    r.PostForm.Get("content"),
		message: r.PostForm.Get("message"),
		base:    r.PostForm.Get("base"),
		settled: r.PostForm.Get("settled") != "",
	}, nil
}

func (u *UI) saveEdit(v *visit) error {
	s, err := readSubmission(v.w, v.r)
	if err != nil {
		return err
	}
	s.path = pagepath.Clean(v.path)
	d := u.editOf(v, s.path)
	return u.save(v, s, d)
}

func (u *UI) saveNew(v *visit) error {
	s, err := readSubmission(v.w, v.r)
	if err != nil {
		return err
	}
	s.base = ""
	d := u.newOf(v, s.path)
	s.path = pagepath.Clean(s.path)
	return u.save(v, s, d)
}

// save hands a submission to the engine and shows the page, or the editor again
// with everything that was typed.
func (u *UI) save(v *visit, s submission, d *editView) error {
	d.Text, d.Message, d.Base = unix(s.text), s.message, s.base
	if s.settled {
		if line := markerLine(d.Text); line > 0 {
			return u.unsettled(v, d, line)
		}
	}
	content, err := u.lineEnds(v, s, d.Text)
	if err != nil {
		return u.saveFailed(v, d, err)
	}
	res, err := u.engine.Save(v.ctx(), v.in.Wiki, wiki.Save{
		Path: s.path, Content: content, Base: s.base, Message: strings.TrimSpace(s.message), Author: u.author(v.in.Principal),
	})
	if err != nil {
		return u.saveFailed(v, d, err)
	}
	to := pageURL(res.Path)
	if res.Merged {
		to += "?" + url.Values{"merged": {short(s.base)}}.Encode()
	}
	v.redirect(to, http.StatusSeeOther)
	return nil
}

// saveFailed shows the editor again with what is wrong at its field.
func (u *UI) saveFailed(v *visit, d *editView, err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		f = &fault.Error{Kind: fault.Internal}
	}
	web.ProblemOf(v.r, err) // for the log
	d.Errors = map[string]string{}
	switch f.Kind {
	case fault.Conflict:
		if f.Merge != nil {
			return u.showConflict(v, d, f.Merge)
		}
		d.Failed = sentence(f.Msg)
	case fault.Exists:
		d.Taken = pageURL(pagepath.Clean(d.Path))
		const taken = "There is a page of this name already. Choose another name, or open that page and add your text there."
		if d.New {
			d.Errors["path"] = taken
		} else {
			d.Failed = taken
		}
	case fault.NotFound:
		d.Failed = "The page was renamed or deleted while you wrote. Your text is below; Save puts it in as a new page."
		d.Base, d.New, d.Action = "", true, screenURL("new", "")
	case fault.TooLarge:
		d.Errors["content"] = "The text is larger than a page may be (" + size(wiki.MaxPage) + "). Split it into several pages."
	case fault.Internal:
		d.Failed = "Something went wrong on our side, and nothing was saved. Your text is below; try again. The number for a report: " + web.RecordOf(v.r.Context()).ID
	default:
		u.nameFields(d, f)
	}
	return u.showEditor(v, web.Status(err), d)
}

// nameFields puts the error's parts where the form has a field for them.
func (u *UI) nameFields(d *editView, f *fault.Error) {
	for _, field := range f.Fields {
		switch field.Name {
		case "path":
			if d.New {
				d.Errors["path"] = "The name " + field.Msg + "."
				continue
			}
		case "content", "message":
			d.Errors[field.Name] = sentence(field.Msg)
			continue
		}
		d.Failed = sentence(field.Name + " " + field.Msg)
	}
	if len(d.Errors) == 0 && d.Failed == "" {
		d.Failed = sentence(f.Msg)
	}
}

// unix undoes the CRLF with which browsers send text fields.
func unix(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// lineEnds gives the text the line ends of the page it replaces, which may have
// come from elsewhere with CRLF, or without one at the very end. Otherwise every
// line would count as changed.
func (u *UI) lineEnds(v *visit, s submission, text string) ([]byte, error) {
	var old []byte
	if s.base != "" {
		p, err := u.engine.ReadAt(v.ctx(), v.in.Wiki, s.path, s.base)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		old = p.Content
	}
	if text != "" && !strings.HasSuffix(text, "\n") && (len(old) == 0 || bytes.HasSuffix(old, []byte("\n"))) {
		text += "\n"
	}
	if n := bytes.Count(old, []byte("\n")); n > 0 && bytes.Count(old, []byte("\r\n")) == n {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return []byte(text), nil
}

// author is who a commit made here is by.
func (u *UI) author(p identity.Principal) wiki.Author {
	return wiki.Author{UserID: p.UserID, Name: nameOf(p), Email: identity.CommitEmail(p.Username, u.hosts.Domain()), Via: "web"}
}
