package auth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/services/auth/provider"
)

// secretOfTheStore is what an error of the records says, and nobody is to read.
const secretOfTheStore = "table users at 10.0.0.7 does not answer"

// traveller is somebody who goes through all that a sign-in is, while the records
// fail at one moment.
type traveller struct {
	*browser
	p      *somewhere
	person provider.Person
	name   string
	broken int // answers with status 503
}

// saw checks an answer: what fails says so, and tells nothing else.
func (tr *traveller) saw(t *testing.T, rw *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	t.Helper()
	switch rw.Code {
	case http.StatusOK, http.StatusSeeOther, http.StatusNotFound, http.StatusConflict, http.StatusAccepted:
	case http.StatusServiceUnavailable:
		tr.broken++
		if !strings.Contains(rw.Body.String(), "/auth/login") && !strings.Contains(rw.Header().Get("Content-Type"), "json") {
			t.Errorf("the page knows no way on: %s", rw.Body)
		}
	default:
		t.Errorf("status %d: %s", rw.Code, rw.Body)
	}
	if strings.Contains(rw.Body.String(), "10.0.0.7") {
		t.Errorf("the answer tells what is none of a stranger's business: %s", rw.Body)
	}
	return rw
}

// getIn signs in, by whatever page comes, and begins again after a failure.
func (tr *traveller) getIn(t *testing.T) {
	t.Helper()
	for range 6 {
		rw := tr.saw(t, tr.get(t, "/auth/login?return_to=/app/"))
		for range 6 {
			switch to := rw.Header().Get("Location"); {
			case to == "/app/":
				if tr.in(t) {
					return
				}
				rw = httptest.NewRecorder()
			case strings.HasPrefix(to, issuer):
				rw = tr.saw(t, tr.get(t, tr.p.approve(t, to, tr.person)))
			case to == "/auth/welcome":
				tr.saw(t, tr.get(t, to))
				rw = tr.saw(t, tr.post(t, to, "username", tr.name))
			case to == "/auth/welcome-back":
				tr.saw(t, tr.get(t, to))
				rw = tr.saw(t, tr.post(t, to))
			}
		}
	}
	t.Fatalf("%s never gets in", tr.name)
}

// in reports whether the browser is signed in as who it should be.
func (tr *traveller) in(t *testing.T) bool {
	t.Helper()
	step := tr.site.watched.step
	tr.site.watched.step = nil
	defer func() { tr.site.watched.step = step }()
	switch name := tr.username(t); name {
	case "":
		return false
	case tr.name:
		return true
	default:
		t.Errorf("signed in as %q, not as %q", name, tr.name)
	}
	return true
}

// again does something until it has an answer.
func (tr *traveller) again(t *testing.T, do func() *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	t.Helper()
	for range 3 {
		if rw := tr.saw(t, do()); rw.Code != http.StatusServiceUnavailable {
			return rw
		}
	}
	t.Fatal("it fails for good")
	return nil
}

// journey is: to arrive, to come back after a day, to sign out, to come in again,
// to leave for good, and to come back after all.
func (tr *traveller) journey(t *testing.T) {
	t.Helper()
	tr.getIn(t)
	tr.getIn(t) // with tokens that are good
	time.Sleep(25 * time.Hour)
	if rw := tr.again(t, func() *httptest.ResponseRecorder { return tr.post(t, "/auth/refresh") }); rw.Code != http.StatusOK || !tr.in(t) {
		t.Errorf("renewed: %d %s", rw.Code, rw.Body)
	}
	tr.again(t, func() *httptest.ResponseRecorder { return tr.get(t, "/auth/logout") })
	tr.again(t, func() *httptest.ResponseRecorder { return tr.post(t, "/auth/logout") })
	if tr.in(t) {
		t.Error("signed out, and still in")
	}
	tr.getIn(t)
	leave := func() *httptest.ResponseRecorder {
		return tr.do(t, http.MethodPost, "/api/account/deletion", strings.NewReader(`{"username":"`+tr.name+`"}`), "Content-Type", "application/json", "Origin", base)
	}
	for range 3 {
		// When the answer of the deletion was lost, there is nobody to ask again.
		if rw := leave(); rw.Code == http.StatusAccepted || rw.Code == http.StatusUnauthorized {
			break
		}
	}
	if tr.in(t) {
		t.Error("left, and still in")
	}
	tr.getIn(t)
}

// TestRecordsFailAtEveryStep: whenever in somebody's life the records are away for
// one moment, or have done what they were asked and their answer is lost, the page
// says so, nothing is half done, and another try leads where the first should have.
func TestRecordsFailAtEveryStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := newRemote(t)
		for _, after := range []bool{false, true} {
			for n := 1; ; n++ {
				name := fmt.Sprintf("ada-%v-%d", after, n)
				person := provider.Person{
					Identities: []records.Identity{{Provider: issuer, Subject: name}, {Provider: "https://github.com", Subject: name}},
					Email:      name + "@example.org", EmailVerified: true, Nickname: name,
				}
				tr := &traveller{browser: s.browser(t), p: p, person: person, name: name}
				uses, failed := 0, ""
				s.watched.step = func(what string, when bool) error {
					if when != after {
						return nil
					}
					if uses++; uses == n {
						failed = what
						return fault.Wrap(fmt.Errorf("dial: %s", secretOfTheStore), fault.Unavailable, "read the records: they do not answer")
					}
					return nil
				}
				tr.journey(t)
				s.watched.step = nil
				if t.Failed() {
					t.Fatalf("the records failed at use %d, %s (its answer lost: %v)", n, failed, after)
				}
				u, err := s.records.UserByEmail(t.Context(), person.Email)
				if err != nil || u.Username != name {
					t.Fatalf("%s: %+v, %v", name, u, err)
				}
				ids, err := s.records.IdentitiesOfUser(t.Context(), u.ID)
				if err != nil || len(ids) != 2 {
					t.Fatalf("after %s failed: identities %v, %v", failed, ids, err)
				}
				p.over, p.held = false, "held-1" // each has a session there of their own
				time.Sleep(time.Minute)          // for the limits
				if failed == "" {
					if n < 40 {
						t.Errorf("only %d uses of the records: that shows little", n)
					}
					break
				}
			}
		}
	})
}
