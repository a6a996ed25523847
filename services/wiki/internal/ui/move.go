package ui

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki"
)

// moveView is what rename.html and delete.html draw.
type moveView struct {
	shell
	Path       string
	Crumbs     []crumb
	To         string // the new name, as typed
	Message    string
	LinkedFrom []string
	Files      []wiki.File
	Below      bool // there are sub-pages, which stay where they are
	Error      string
	Failed     string
}

const maxSmallForm = 64 << 10

func (u *UI) moveOf(v *visit, verb string) (*moveView, error) {
	ctx, w := v.ctx(), v.in.Wiki
	p, err := u.engine.Read(ctx, w, pagepath.Clean(v.path))
	if err != nil {
		return nil, err
	}
	d := &moveView{Path: p.Path, To: p.Path, Crumbs: crumbs(p.Path)}
	d.shell = u.shellOf(v, verb+" "+p.Path, p.Path, v.r.URL.Path)
	d.Full = true
	view, err := u.engine.Index(ctx, w)
	if err != nil {
		return nil, err
	}
	if _, d.LinkedFrom, err = view.Links(ctx, p.Path); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if d.Files, err = u.engine.Files(ctx, w, p.Path); err != nil {
		return nil, err
	}
	below, err := u.engine.Children(ctx, w, p.Path)
	d.Below = len(below) > 0
	return d, err
}

func (u *UI) renameForm(v *visit) error {
	d, err := u.moveOf(v, "Rename")
	if err != nil {
		return err
	}
	return u.render(v, http.StatusOK, "rename", d)
}

func (u *UI) rename(v *visit) error {
	d, err := u.moveOf(v, "Rename")
	if err != nil {
		return err
	}
	form, err := smallForm(v)
	if err != nil {
		return err
	}
	d.To = strings.ToValidUTF8(form.Get("to"), "\uFFFD")
	d.Message = strings.ToValidUTF8(form.Get("message"), "\uFFFD")
	res, err := u.engine.Rename(v.ctx(), v.in.Wiki, wiki.Rename{
		From: d.Path, To: pagepath.Clean(form.Get("to")), Message: strings.TrimSpace(form.Get("message")), Author: u.author(v.in.Principal),
	})
	if err == nil {
		v.redirect(pageURL(res.Path), http.StatusSeeOther)
		return nil
	}
	f, ok := errors.AsType[*fault.Error](err)
	switch {
	case !ok || f.Kind == fault.Internal || f.Kind == fault.NotFound:
		return err
	case f.Kind == fault.Exists:
		d.Error = "There is something of this name already. Choose another one."
	case f.Kind == fault.Invalid && len(f.Fields) > 0:
		d.Error = "The name " + f.Fields[0].Msg + "."
	default:
		d.Failed = sentence(f.Msg)
	}
	web.ProblemOf(v.r, err) // for the log
	return u.render(v, web.Status(err), "rename", d)
}

func (u *UI) deleteForm(v *visit) error {
	d, err := u.moveOf(v, "Delete")
	if err != nil {
		return err
	}
	return u.render(v, http.StatusOK, "delete", d)
}

func (u *UI) delete(v *visit) error {
	form, err := smallForm(v)
	if err != nil {
		return err
	}
	res, err := u.engine.Delete(v.ctx(), v.in.Wiki, wiki.Delete{
		Path: pagepath.Clean(v.path), Message: strings.TrimSpace(form.Get("message")), Author: u.author(v.in.Principal),
	})
	if err != nil {
		return err
	}
	v.redirect(screenURL("commit", short(res.Revision)), http.StatusSeeOther)
	return nil
}

func smallForm(v *visit) (url.Values, error) {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxSmallForm)
	err := v.r.ParseForm()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fault.Wrap(err, fault.TooLarge, "read the form: it is larger than %d bytes", maxSmallForm)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "read the form: it is malformed")
	}
	return v.r.PostForm, nil
}

func notFound(attempt, path string) error {
	return fault.New(fault.NotFound, "%s %q: there is no such folder", attempt, path)
}
