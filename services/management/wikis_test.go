package management_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/event"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/services/management"
)

// The bodies as clients see them.
type (
	wikiList   struct{ Wikis []management.Wiki }
	wikiDetail struct {
		Wiki   management.Wiki
		Tokens []management.TokenInfo
	}
	createdWiki struct {
		Wiki  management.Wiki
		Token string
	}
	madeToken struct {
		Token string
		Info  management.TokenInfo
	}
)

func TestMe(t *testing.T) {
	f := newFleet(t)
	for _, c := range []struct {
		tier   records.Tier
		limits management.Limits
	}{
		{records.Free, management.Limits{Wikis: 1, PagesPerWiki: 500, AuthorsPerWiki: 1}},
		{records.Premium, management.Limits{Wikis: 12, PagesPerWiki: 0, AuthorsPerWiki: 25}},
	} {
		u := f.user(t, "user-"+string(c.tier), c.tier)
		var got management.Me
		f.as(t, u).do(t, http.MethodGet, "/api/me", "").want(http.StatusOK, &got)
		want := management.Me{ID: u.ID, Username: u.Username, Email: u.Email, DisplayName: u.Username, Tier: c.tier, Limits: c.limits}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestLifeOfAWiki(t *testing.T) {
	f := newFleet(t)
	ada := f.as(t, f.user(t, "ada", records.Free))

	var list wikiList
	if ada.do(t, http.MethodGet, "/api/wikis", "").want(http.StatusOK, &list); list.Wikis == nil || len(list.Wikis) != 0 {
		t.Errorf("at first: %v, want an empty list", list.Wikis)
	}

	var made createdWiki
	ada.do(t, http.MethodPost, "/api/wikis", `{"slug":"ada","name":" Ada's notes "}`).want(http.StatusCreated, &made)
	w := made.Wiki
	if w.Name != "Ada's notes" || w.Public || !w.Git || w.Role != "owner" || w.PageCount != 0 || !w.LastActivity.At.Equal(w.CreatedAt) {
		t.Errorf("created %+v", w)
	}
	if diff := cmp.Diff([]string{"http://ada.wikibot.localhost:8080/", "http://ada.wikibot.localhost:8080/mcp",
		"http://ada.wikibot.localhost:8080/repo.git", "http://ada.wikibot.localhost:8080/api/v1"},
		[]string{w.URL, w.MCPURL, w.GitURL, w.APIURL}); diff != "" {
		t.Error(diff)
	}
	if _, err := f.records.TokenByHash(t.Context(), identity.HashToken(made.Token)); err != nil {
		t.Errorf("the token does not work: %v", err)
	}

	var detail wikiDetail
	r := ada.do(t, http.MethodGet, "/api/wikis/ada", "").want(http.StatusOK, &detail)
	if len(detail.Tokens) != 1 || detail.Tokens[0].Name != "default" || detail.Tokens[0].Role != records.Editor || detail.Tokens[0].LastUsed != nil {
		t.Errorf("tokens %+v", detail.Tokens)
	}
	if body := r.Body.String(); strings.Contains(body, made.Token) || strings.Contains(body, identity.HashToken(made.Token)) {
		t.Error("the token or its hash is shown again")
	}

	var next madeToken
	ada.do(t, http.MethodPost, "/api/wikis/ada/token", "").want(http.StatusCreated, &next)
	if _, err := f.records.TokenByHash(t.Context(), identity.HashToken(made.Token)); !fault.Is(err, fault.NotFound) {
		t.Errorf("the replaced token: %v, want not found", err)
	}
	if tok, err := f.records.TokenByHash(t.Context(), identity.HashToken(next.Token)); err != nil || tok.ID != next.Info.ID {
		t.Errorf("the new token: %+v, %v", tok, err)
	}

	var changed struct{ Wiki management.Wiki }
	ada.do(t, http.MethodPatch, "/api/wikis/ada", `{"name":"Notes","public":true}`).want(http.StatusOK, &changed)
	if changed.Wiki.Name != "Notes" || !changed.Wiki.Public || changed.Wiki.Role != "owner" {
		t.Errorf("changed to %+v", changed.Wiki)
	}
	ada.do(t, http.MethodPatch, "/api/wikis/ada", `{"public":false}`).want(http.StatusOK, &changed)
	ada.do(t, http.MethodPatch, "/api/wikis/ada", `{}`).want(http.StatusOK, &changed)
	if changed.Wiki.Name != "Notes" || changed.Wiki.Public {
		t.Errorf("changed to %+v", changed.Wiki)
	}

	p := ada.do(t, http.MethodDelete, "/api/wikis/ada", `{"confirm":"Ada"}`).problem(http.StatusUnprocessableEntity, problem.Invalid)
	if len(p.Errors) != 1 || p.Errors[0].Field != "confirm" {
		t.Errorf("wrong confirmation: %+v", p)
	}
	ada.do(t, http.MethodGet, "/api/wikis/ada", "").want(http.StatusOK, nil)
	ada.do(t, http.MethodDelete, "/api/wikis/ada", `{"confirm":"ada"}`).want(http.StatusNoContent, nil)
	ada.do(t, http.MethodGet, "/api/wikis/ada", "").problem(http.StatusNotFound, problem.NotFound)
	if ada.do(t, http.MethodGet, "/api/wikis", "").want(http.StatusOK, &list); len(list.Wikis) != 0 {
		t.Errorf("after deletion: %v", list.Wikis)
	}

	// One's own username stays one's own, and the plan has room again.
	ada.do(t, http.MethodPost, "/api/wikis", `{"slug":"ada","name":"Again"}`).want(http.StatusCreated, nil)
}

func TestSayingTheSameIsNoChange(t *testing.T) {
	f := newFleet(t)
	u := f.user(t, "ada", records.Free)
	f.wiki(t, u, "ada", false)
	f.fanOut(t)
	f.as(t, u).do(t, http.MethodPatch, "/api/wikis/ada", `{"name":"The ada","public":false,"git":true}`).want(http.StatusOK, nil)
	if n := f.fanOut(t); n != 0 {
		t.Errorf("%d events, want none", n)
	}
}

// fanOut takes what is in the outbox and says how much that was.
func (f *fleet) fanOut(t *testing.T) int {
	t.Helper()
	n, err := f.records.FanOut(t.Context(), nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWrongFieldsAllAtOnce: what is wrong with the form of a request, and what
// is wrong with its content.
func TestWrongFieldsAllAtOnce(t *testing.T) {
	f := newFleet(t)
	grace := f.user(t, "grace", records.Premium)
	f.wiki(t, grace, "compilers", false)
	gone, _ := f.wiki(t, grace, "gone", false)
	if err := f.records.DeleteWiki(t.Context(), gone.ID, nil); err != nil {
		t.Fatal(err)
	}
	free, premium := f.as(t, f.user(t, "ada", records.Free)), f.as(t, f.user(t, "alan", records.Premium))
	long := strings.Repeat("x", 101)
	for _, c := range []struct {
		why    string
		as     client
		body   string
		status int
		typ    problem.Type
		fields string // "field: message" by lines, each a beginning
	}{
		{"nothing", free, `{"slug":"","name":""}`, 422, problem.Invalid, "slug: is missing\nname: is missing"},
		{"all wrong", premium, `{"slug":"-A","name":"<` + long + `"}`, 422, problem.Invalid,
			"slug: is too short\nslug: may only hold\nslug: may not begin\nname: is too long\nname: may not hold"},
		{"free plan", free, `{"slug":"other","name":" "}`, 422, problem.Invalid, "slug: on the free plan a wiki bears your username, ada\nname: is missing"},
		{"reserved", premium, `{"slug":"admin","name":"x"}`, 422, problem.Invalid, "slug: is reserved"},
		{"punycode", premium, `{"slug":"xn--80ak6aa92e","name":"x"}`, 422, problem.Invalid, "slug: may not begin with xn--"},
		{"taken by a wiki, and the name is wrong as well", premium, `{"slug":"compilers","name":""}`, 409, problem.Exists, "slug: is taken\nname: is missing"},
		{"taken by a user", premium, `{"slug":"grace","name":"x"}`, 409, problem.Exists, "slug: is taken"},
		{"tombstone", premium, `{"slug":"gone","name":"x"}`, 409, problem.Exists, "slug: is taken"},

		{"members missing", free, `{}`, 422, problem.Invalid, "name: is missing\nslug: is missing"},
		{"members of another type", free, `{"slug":1,"name":[],"public":"yes"}`, 422, problem.Invalid, "name: expected string\npublic: expected boolean\nslug: expected string"},
		{"unknown member", free, `{"slug":"ada","name":"x","owner":"eve"}`, 422, problem.Invalid, "owner: unexpected property"},
		{"not an object", free, `["slug"]`, 422, problem.Invalid, "body: expected object"},
		{"null", free, `null`, 422, problem.Invalid, "body: "},
		{"not JSON", free, `slug=ada`, 400, problem.Invalid, ""},
		{"cut short", free, `{"slug":"ada"`, 400, problem.Invalid, ""},
		{"nothing sent", free, ``, 400, problem.Invalid, ""},
		{"too large", free, `{"slug":"ada","name":"` + strings.Repeat("x", 20000) + `"}`, 413, problem.TooLarge, ""},
		{"invalid UTF-8", free, "{\"slug\":\"ada\",\"name\":\"\xff\"}", 400, problem.Invalid, ""},
		{"half a surrogate pair", free, `{"slug":"ada","name":"\ud800"}`, 400, problem.Invalid, ""},
		{"control characters", free, `{"slug":"ada","name":"a\u0000\u202e"}`, 422, problem.Invalid, "name: holds characters"},
	} {
		t.Run(c.why, func(t *testing.T) {
			p := c.as.do(t, http.MethodPost, "/api/wikis", c.body).problem(c.status, c.typ)
			want := strings.Split(c.fields, "\n")
			if c.fields == "" {
				want = nil
			}
			ok := len(p.Errors) == len(want)
			for i := 0; ok && i < len(want); i++ {
				ok = strings.HasPrefix(p.Errors[i].Field+": "+p.Errors[i].Message, want[i])
			}
			if !ok {
				t.Errorf("errors %+v, want %q", p.Errors, want)
			}
			if strings.Contains(p.Error, "Go ") || strings.Contains(p.Error, "management.") {
				t.Errorf("the error tells how we are made: %s", p.Error)
			}
		})
	}
	if n, err := f.records.GrantsOfUser(t.Context(), grace.ID); err != nil || len(n) > 2 {
		t.Errorf("grants %v, %v", n, err)
	}
}

func TestWikiLimit(t *testing.T) {
	f := newFleet(t)
	u := f.user(t, "ada", records.Free)
	f.wiki(t, u, "ada", false)
	p := f.as(t, u).do(t, http.MethodPost, "/api/wikis", `{"slug":"ada","name":"x"}`).problem(http.StatusForbidden, problem.LimitReached)
	if !strings.Contains(p.Detail, "the free plan holds 1 wiki,") {
		t.Errorf("detail %q", p.Detail)
	}
	// Past the check, on a stale read, the records still refuse.
	if _, _, err := management.CreateWiki(t.Context(), f.records, u, management.NewWiki{Slug: "second", Name: "x", AnySlug: true}); !fault.Is(err, fault.Limit) {
		t.Errorf("got %v, want limit", err)
	}
	grace := f.user(t, "grace", records.Premium)
	for i := range 12 {
		f.wiki(t, grace, fmt.Sprintf("wiki-%d", i), false)
	}
	f.as(t, grace).do(t, http.MethodPost, "/api/wikis", `{"slug":"wiki-12","name":"x"}`).problem(http.StatusForbidden, problem.LimitReached)
}

func TestNames(t *testing.T) {
	f := newFleet(t)
	ada := f.user(t, "ada", records.Premium)
	grace := f.user(t, "grace", records.Free)
	f.wiki(t, grace, "grace", false)
	for _, c := range []struct {
		why, path string
		as        records.User
		want      management.Name
	}{
		{"free", "notes", ada, management.Name{Name: "notes", Available: true}},
		{"one's own username", "ada", ada, management.Name{Name: "ada", Available: true}},
		{"another's username", "ada", grace, management.Name{Name: "ada", Reason: "is taken: choose another"}},
		{"one's own username, in use", "grace", grace, management.Name{Name: "grace", Reason: "is taken: choose another"}},
		{"all reasons", "A-", ada, management.Name{Name: "A-", Reason: "is too short: use at least 3 characters; " +
			"may only hold the letters a to z in lower case, digits and hyphens; may not begin or end with a hyphen"}},
		{"reserved", "oauth", ada, management.Name{Name: "oauth", Reason: "is reserved: choose another"}},
	} {
		var got management.Name
		f.as(t, c.as).do(t, http.MethodGet, "/api/names/"+c.path, "").want(http.StatusOK, &got)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
}

// step moves a wiki's head as the write path does and returns its event.
func (f *fleet) step(t *testing.T, id string, actor *events.Actor, changes ...*eventsv1.PageChange) *eventsv1.Envelope {
	t.Helper()
	w, err := f.records.Wiki(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	head := fmt.Sprintf("%040x", w.Sequence+1)
	env, err := events.New(now, id, actor, &eventsv1.PageSaved{Commit: &eventsv1.Commit{OldHead: w.Head, NewHead: head, Changes: changes}})
	if err != nil {
		t.Fatal(err)
	}
	if w, err = f.records.AdvanceHead(t.Context(), records.HeadChange{WikiID: id, Old: w.Head, New: head, At: now, PageDelta: 1, Event: env}); err != nil {
		t.Fatal(err)
	}
	commit := events.CommitOf(env)
	commit.Sequence, commit.PageCount = w.Sequence, w.PageCount
	return env
}

// subscription finds what the service does on an event.
func (f *fleet) subscription(t *testing.T, name string) event.Subscription {
	t.Helper()
	for _, s := range f.management.Subscriptions() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no subscription %q", name)
	return event.Subscription{}
}

func TestListShowsWhatIsTrueAndTheNewestFirst(t *testing.T) {
	f := newFleet(t)
	u := f.user(t, "ada", records.Premium)
	quiet, _ := f.wiki(t, u, "quiet", false)
	busy, _ := f.wiki(t, u, "busy", false)
	_ = quiet
	note := f.subscription(t, "management.activity").Handle
	edited := func(page string) *eventsv1.PageChange {
		return &eventsv1.PageChange{Kind: eventsv1.PageChange_KIND_EDITED, Path: page}
	}
	list := func() []management.Wiki {
		t.Helper()
		var got wikiList
		f.as(t, u).do(t, http.MethodGet, "/api/wikis", "").want(http.StatusOK, &got)
		return got.Wikis
	}
	one := f.step(t, busy.ID, &events.Actor{Name: "Ada", Agent: "Claude Code"},
		&eventsv1.PageChange{Kind: eventsv1.PageChange_KIND_RELINKED, Path: "Index"}, edited("Home"))
	got := list()
	if got[0].Slug != "busy" || got[0].PageCount != 1 || !got[0].LastActivity.At.After(busy.CreatedAt) || got[0].LastActivity.Name != "" {
		t.Errorf("before the event arrived: %+v", got[0])
	}
	two := f.step(t, busy.ID, &events.Actor{Name: "Grace"}, edited("Compilers"))
	// Events arrive in any order and more than once.
	for _, env := range []*eventsv1.Envelope{two, one, two} {
		if err := note(t.Context(), env); err != nil {
			t.Fatal(err)
		}
	}
	a := list()[0].LastActivity
	a.At = time.Time{}
	if diff := cmp.Diff(management.LastActivity{Name: "Grace", Page: "Compilers", Kind: "edited"}, a); diff != "" {
		t.Error(diff)
	}
	f.step(t, busy.ID, &events.Actor{Name: "Ada"}, edited("Home"))
	if a := list()[0].LastActivity; a.Name != "" || a.Page != "" {
		t.Errorf("a newer step whose event has not arrived shows the older one's: %+v", a)
	}
}

func TestActivityKinds(t *testing.T) {
	f := newFleet(t)
	u := f.user(t, "ada", records.Free)
	w, _ := f.wiki(t, u, "ada", false)
	note := f.subscription(t, "management.activity").Handle
	for kind, want := range map[eventsv1.PageChange_Kind]string{
		eventsv1.PageChange_KIND_CREATED: "created", eventsv1.PageChange_KIND_EDITED: "edited",
		eventsv1.PageChange_KIND_RENAMED: "renamed", eventsv1.PageChange_KIND_DELETED: "deleted",
		eventsv1.PageChange_KIND_RELINKED: "", eventsv1.PageChange_KIND_UNSPECIFIED: "",
	} {
		if err := note(t.Context(), f.step(t, w.ID, nil, &eventsv1.PageChange{Kind: kind, Path: "P"})); err != nil {
			t.Fatal(err)
		}
		if a, err := f.records.Activity(t.Context(), w.ID); err != nil || a.Kind != want {
			t.Errorf("%v: %+v, %v, want kind %q", kind, a, err, want)
		}
	}
	bad, err := events.New(time.Now(), w.ID, nil, &eventsv1.WikiUpdated{})
	if err != nil {
		t.Fatal(err)
	}
	if note(t.Context(), bad) == nil {
		t.Error("an event without a commit is taken for one")
	}
}

// TestCleanup: nothing of a deleted wiki stays, in whatever order its last
// events arrive.
func TestCleanup(t *testing.T) {
	f := newFleet(t)
	u := f.user(t, "ada", records.Free)
	w, secret := f.wiki(t, u, "ada", false)
	late := f.step(t, w.ID, nil, &eventsv1.PageChange{Kind: eventsv1.PageChange_KIND_EDITED, Path: "Home"})
	f.as(t, u).do(t, http.MethodDelete, "/api/wikis/ada", `{"confirm":"ada"}`).want(http.StatusNoContent, nil)
	deleted, err := events.New(time.Now(), w.ID, nil, &eventsv1.WikiDeleted{Slug: "ada", OwnerId: u.ID})
	if err != nil {
		t.Fatal(err)
	}
	clean, note := f.subscription(t, "management.cleanup").Handle, f.subscription(t, "management.activity").Handle
	for range 2 {
		if err := clean(t.Context(), deleted); err != nil {
			t.Fatal(err)
		}
		if err := note(t.Context(), late); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.records.Activity(t.Context(), w.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("activity: %v, want not found", err)
	}
	if _, err := f.records.TokenByHash(t.Context(), identity.HashToken(secret)); !fault.Is(err, fault.NotFound) {
		t.Errorf("token: %v, want not found", err)
	}
	if g, err := f.records.GrantsOfUser(t.Context(), u.ID); err != nil || len(g) != 0 {
		t.Errorf("grants %v, %v, want none", g, err)
	}
}

func TestWrongMethodSaysWhichAreRight(t *testing.T) {
	f := newFleet(t)
	c := f.as(t, f.user(t, "ada", records.Free))
	for path, want := range map[string]string{"/api/wikis": "GET, POST", "/api/wikis/ada": "GET, PATCH, DELETE", "/api/me": "GET"} {
		res := c.do(t, http.MethodPut, path, "{}")
		res.problem(http.StatusMethodNotAllowed, problem.Method)
		if got := res.Header().Get("Allow"); got != want {
			t.Errorf("%s: Allow %q, want %q", path, got, want)
		}
	}
}
