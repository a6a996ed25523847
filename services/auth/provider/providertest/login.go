package providertest

import (
	"html/template"
	"net/http"
)

const loginPath = "/login"

// login is the page on which people say who they are.
type login struct {
	title string
	// finish goes on after a request that began with that id; a nil person has
	// cancelled.
	finish func(w http.ResponseWriter, r *http.Request, id string, p *Person)
}

var page = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<h1>{{.Title}}</h1>
<form method="post" action="/login">
<input type="hidden" name="id" value="{{.ID}}">
<p><label>Username <input name="username" value="{{.Username}}" autocomplete="username" autofocus></label></p>
{{with .Wrong}}<p role="alert">{{.}}</p>{{end}}
<p><button type="submit">Sign in</button> <button type="submit" name="decision" value="cancel">Cancel</button></p>
</form>
`))

func (l login) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("id")
	if r.Method == http.MethodGet {
		l.show(w, http.StatusOK, id, "", "")
		return
	}
	if r.Method != http.MethodPost {
		http.Error(w, "the form is sent by POST", http.StatusMethodNotAllowed)
		return
	}
	if r.PostFormValue("decision") == "cancel" {
		l.finish(w, r, id, nil)
		return
	}
	p, err := PersonOf(r.PostFormValue("username"))
	if err != nil {
		l.show(w, http.StatusUnprocessableEntity, id, r.PostFormValue("username"), err.Error())
		return
	}
	l.finish(w, r, id, &p)
}

func (l login) show(w http.ResponseWriter, status int, id, username, wrong string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = page.Execute(w, map[string]string{"Title": l.title, "ID": id, "Username": username, "Wrong": wrong})
}
