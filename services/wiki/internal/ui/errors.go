package ui

import (
	"bytes"
	"net/http"
	"strings"

	"wikibot.io/contracts/problem"
	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
)

// errorView is what error.html draws: what happened, what is safe, what to do.
type errorView struct {
	shell
	Problem problem.Problem
	What    string // Problem's detail as a sentence
	Safe    string
	Next    string
}

// advice says, for each problem, what has become of things and what to do next.
var advice = map[problem.Type]struct{ safe, next string }{
	problem.Invalid:         {"Nothing was changed.", "Go back, mend what is named above, and send it again."},
	problem.Unauthenticated: {"Nothing was changed.", "Sign in, then do it again."},
	problem.Forbidden:       {"Nothing was changed.", "Ask the wiki's owner for the right to do this."},
	problem.Method:          {"Nothing was changed.", "Follow a link or a button of the wiki instead of this address."},
	problem.NotFound:        {"", "It may have been renamed or deleted, or the address is not quite right. The index and the search know what is there."},
	problem.Exists:          {"Nothing was changed.", "Choose another name, or open what is there."},
	problem.Conflict:        {"Nothing was changed.", "Open the page again and repeat what you did."},
	problem.LimitReached:    {"Nothing was changed. Everything that exists can still be read, edited and deleted.", "The owner can choose a larger plan, or delete what is not needed."},
	problem.TooLarge:        {"Nothing was changed.", "Split it into several pages, and link them."},
	problem.Unavailable:     {"Nothing was changed.", "Try again in a moment."},
	problem.Internal:        {"What was saved before is safe.", "Try again. If it happens again, report the number below."},
}

// writeError answers a request that failed. Browsers get a page, or are led to
// sign-in when that may help; others get problem+json.
func (u *UI) writeError(w http.ResponseWriter, r *http.Request, err error) {
	browser := wantsHTML(r)
	if fault.Is(err, fault.Unauthenticated) {
		_, slug, _ := u.hosts.Kind(r.Host)
		if browser && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			web.ProblemOf(r, err) // for the log
			h := w.Header()
			h.Set("Cache-Control", "private, no-cache")
			h["Vary"] = varyValue
			h["Content-Security-Policy"] = cspValue
			h.Set("Location", u.signIn(slug, r.URL.RequestURI()))
			w.WriteHeader(http.StatusSeeOther)
			return
		}
		w.Header().Set("WWW-Authenticate", u.hosts.Challenge(r))
	}
	if !browser && !strings.Contains(r.Header.Get("Accept"), "*/*") && r.Header.Get("Accept") != "" || !browser && fault.Is(err, fault.Unauthenticated) {
		w.Header()["Content-Security-Policy"] = cspValue
		web.WriteProblem(w, r, err)
		return
	}
	u.errorPage(w, r, err)
}

func (u *UI) errorPage(w http.ResponseWriter, r *http.Request, err error) {
	d := errorView{Problem: web.ProblemOf(r, err), shell: u.bareShell(r)}
	d.Title = d.Problem.Title
	d.What = sentence(d.Problem.Detail)
	say := advice[d.Problem.Type]
	d.Safe, d.Next = say.safe, say.next
	body, rerr := u.templates.execute("error", d)
	if rerr != nil {
		web.WriteProblem(w, r, err)
		return
	}
	if d.Problem.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	newAnswer(body, false).send(&visit{w: w, r: r}, d.Problem.Status)
}

// bareShell draws what the principal may know: the wiki's header for those who
// may read it, the product's name for all others.
func (u *UI) bareShell(r *http.Request) shell {
	kind, slug, ok := u.hosts.Kind(r.Host)
	if ok && kind == routes.WikiHost {
		if in, err := u.gate.Enter(r.Context(), slug, identity.Read); err == nil {
			s := u.shellOf(&visit{r: r, in: in}, "", "", r.URL.RequestURI())
			s.Full = true
			return s
		}
	}
	return shell{Assets: u.assets, App: u.hosts.Root("/app/"), Full: true}
}

// wantsHTML reports whether the request comes from something that shows pages.
func wantsHTML(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// sentence makes one of an error's message, which begins in lower case.
func sentence(msg string) string {
	if msg == "" {
		return ""
	}
	b := []byte(msg)
	b[0] = bytes.ToUpper(b[:1])[0]
	if !strings.ContainsRune(".!?", rune(b[len(b)-1])) {
		b = append(b, '.')
	}
	return string(b)
}
