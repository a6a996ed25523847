package githttp_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/gitstore/gitstoretest"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keydir/keydirtest"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
	"wikibot.io/pkg/web"
	"wikibot.io/services/githttp"
)

// fleet is the service behind the whole stack, with real records and keys, on
// a real port.
type fleet struct {
	t       testing.TB
	hosts   web.Hosts
	records *sqlite.Store
	dir     string // of the git store
	git     *gitstore.Store
	server  *httptest.Server
	owner   records.User
	logged  *logBuffer

	minBundle int64
	clock     time.Time
}

// logBuffer collects what the fleet logs.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (f *fleet) log() string {
	f.logged.mu.Lock()
	defer f.logged.mu.Unlock()
	return f.logged.b.String()
}

func newFleet(t testing.TB) *fleet {
	t.Helper()
	return newFleetOffering(t, 0)
}

// newFleetOffering offers bundles from some size on.
func newFleetOffering(t testing.TB, minBundle int64) *fleet {
	t.Helper()
	dir := t.TempDir()
	f := &fleet{t: t, dir: filepath.Join(dir, "git"), logged: &logBuffer{}, minBundle: minBundle, clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	f.records, err = sqlite.Open(filepath.Join(dir, "records.db"), sqlite.Options{})
	must(err)
	t.Cleanup(func() { f.records.Close() })
	keys := keydirtest.New(t)
	f.git, err = gitstore.Open(f.dir, gitstore.Options{})
	must(err)
	f.server = httptest.NewUnstartedServer(nil)
	t.Cleanup(f.server.Close)
	_, port, err := net.SplitHostPort(f.server.Listener.Addr().String())
	must(err)
	f.hosts, err = web.NewHosts("http://wikibot.localhost:" + port)
	must(err)
	log := slog.New(slog.NewTextHandler(f.logged, nil))
	auth, err := identity.NewAuthenticator(identity.AuthenticatorDeps{Hosts: f.hosts, Keys: keys, Accounts: f.records, Log: log})
	must(err)
	svc, err := githttp.New(githttp.Deps{Git: f.git, Gate: identity.Gate{Records: f.records}, Hosts: f.hosts, Log: log, MinBundle: f.minBundle})
	must(err)
	f.server.Config.Handler = web.Stack(log, auth.Git(svc.Handler(), svc.WriteError))
	f.server.Start()
	f.owner = f.user("ada")
	return f
}

func (f *fleet) user(name string) records.User {
	f.t.Helper()
	u := records.User{ID: "01" + name, Username: name, Email: name + "@example.org", DisplayName: name, Tier: records.Premium, CreatedAt: time.Now()}
	if err := f.records.CreateUser(f.t.Context(), u, records.Identity{Provider: "dev", Subject: name}); err != nil {
		f.t.Fatal(err)
	}
	return u
}

// wiki is one wiki of a fleet and what is written to it.
type wiki struct {
	*fleet
	records.Wiki
	token string
}

func (f *fleet) wiki(owner records.User, slug string, public bool) *wiki {
	f.t.Helper()
	secret, hash := identity.NewWikiToken()
	now := time.Now()
	w, err := f.records.CreateWiki(f.t.Context(), records.NewWiki{
		ID: "w" + strings.ReplaceAll(slug, "-", ""), Slug: slug, Name: slug, OwnerID: owner.ID, Public: public, MaxWikis: 12, CreatedAt: now,
		Token: records.Token{ID: "t" + slug, Hash: hash, WikiID: "w" + strings.ReplaceAll(slug, "-", ""), UserID: owner.ID, Name: "default", Role: records.Editor, CreatedAt: now},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return &wiki{f, w, secret}
}

func (w *wiki) url() string { return w.hosts.Wiki(w.Slug, "/repo.git") }

// withToken is the URL with a token as password.
func (w *wiki) withToken(token string) string {
	return strings.Replace(w.url(), "://", "://git:"+token+"@", 1)
}

// save commits files on the wiki's head and advances it, as the engine does.
func (w *wiki) save(files map[string]string) {
	w.t.Helper()
	id := w.lose(files)
	w.advance(id)
	w.mirror()
}

// lose writes a commit on the wiki's head without advancing it, as a save does
// that loses the race.
func (w *wiki) lose(files map[string]string) string {
	w.t.Helper()
	ctx := context.Background()
	repo, err := w.git.Create(ctx, w.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	w.clock = w.clock.Add(time.Second)
	who := gitstore.Signature{Name: "Ada", Email: "ada@example.org", When: w.clock}
	c := gitstore.Commit{Author: who, Committer: who, Message: fmt.Sprintf("save %d\n", w.Sequence+1)}
	var base gitstore.OID
	if w.Head != "" {
		parent := oid(w.Head)
		p, err := repo.Commit(ctx, parent)
		if err != nil {
			w.t.Fatal(err)
		}
		base, c.Parents = p.Tree, []gitstore.OID{parent}
	}
	b := repo.NewBatch()
	var edits []gitstore.Edit
	for path, text := range files {
		edits = append(edits, gitstore.Edit{Path: path, ID: b.Blob([]byte(text))})
	}
	if c.Tree, err = b.Apply(ctx, base, edits); err != nil {
		w.t.Fatal(err)
	}
	id := b.Commit(c)
	if err := b.Flush(ctx); err != nil {
		w.t.Fatal(err)
	}
	return id.String()
}

func (w *wiki) advance(head string) {
	w.t.Helper()
	saved := &eventsv1.PageSaved{Commit: &eventsv1.Commit{OldHead: w.Head, NewHead: head}}
	env, err := events.New(w.clock, w.ID, &events.Actor{UserId: w.owner.ID}, saved)
	if err != nil {
		w.t.Fatal(err)
	}
	next, err := w.records.AdvanceHead(context.Background(), records.HeadChange{WikiID: w.ID, Old: w.Head, New: head, At: w.clock, Event: env})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Wiki = next
}

// imports takes over a repository that the real git made and packed.
func (w *wiki) imports(commits int) {
	w.t.Helper()
	src := filepath.Join(w.t.TempDir(), "src")
	w.must(".", "init", "-q", "-b", "main", src)
	var in strings.Builder
	for i := range commits {
		w.clock = w.clock.Add(time.Hour)
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter Ada <ada@example.org> %d +0000\ndata 4\nold\n\n", w.clock.Unix())
		for _, name := range []string{"Home.md", fmt.Sprintf("page-%d.md", i%7), fmt.Sprintf("folder %d/below/page.md", i%3)} {
			text := strings.Repeat(fmt.Sprintf("line %d of %s\n", i%5, name), 50+i)
			fmt.Fprintf(&in, "M 100644 inline %q\ndata %d\n%s\n", name, len(text), text)
		}
	}
	w.feed(src, in.String())
	w.must(src, "repack", "-adfq")
	imported, err := w.git.Import(w.t.Context(), w.ID, src, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.advance(imported.Head.String())
	w.lists(imported.Bases)
	w.mirror()
}

// feed runs git fast-import, which makes many commits in one go.
func (f *fleet) feed(dir, in string) {
	f.t.Helper()
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Env, cmd.Stdin = dir, gitstoretest.Env(), strings.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Fatalf("git fast-import: %v\n%s", err, out)
	}
}

// mirror brings refs/heads/main on disk up.
func (w *wiki) mirror() {
	w.t.Helper()
	repo, err := w.git.Repo(context.Background(), w.ID)
	if err == nil {
		err = repo.Mirror(context.Background(), oid(w.Head), w.Sequence)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// folds consolidates the wiki's packs, as upkeep does.
func (w *wiki) folds() {
	w.t.Helper()
	ctx := context.Background()
	repo, err := w.git.Repo(ctx, w.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	packs, err := repo.Fold(ctx, oid(w.Head), w.BasePacks)
	if err != nil {
		w.t.Fatal(err)
	}
	w.lists(packs)
}

// lists names the bases in the record.
func (w *wiki) lists(packs []string) {
	w.t.Helper()
	ctx := context.Background()
	if _, err := w.records.LeaseUpkeep(ctx, w.ID, "test", w.clock, w.clock.Add(time.Hour)); err != nil {
		w.t.Fatal(err)
	}
	next, err := w.records.ReplaceBases(ctx, records.BaseChange{WikiID: w.ID, Holder: "test", Packs: packs, Sequence: w.Sequence})
	if err == nil {
		err = w.records.EndUpkeep(ctx, w.ID, "test")
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.Wiki = next
}

func oid(hex string) gitstore.OID { return gitstore.OID(hexBytes(hex)) }

func hexBytes(s string) []byte {
	var b []byte
	_, _ = fmt.Sscanf(s, "%x", &b)
	return b
}

// git runs the real client in a folder.
func (f *fleet) run(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = gitstoretest.Env()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (f *fleet) must(dir string, args ...string) string {
	f.t.Helper()
	out, err := f.run(dir, args...)
	if err != nil {
		f.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}
