package githttp_test

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// Whatever a client sends, it gets an answer: never a panic, never an error of
// ours, never more than the whole wiki and what it said itself. In the input, 40
// times h stands for the head and 40 times o for an older commit.
func FuzzUploadPack(f *testing.F) {
	w := fuzzed(f)
	old := strings.TrimSpace(w.must(w.dir+"/"+w.ID+"/repo.git", "rev-parse", "main~8"))
	names := strings.NewReplacer(strings.Repeat("h", 40), w.Head, strings.Repeat("o", 40), old)
	h, o := strings.Repeat("h", 40), strings.Repeat("o", 40)
	for _, body := range []string{
		pkt("want "+h+" multi_ack_detailed no-done side-band-64k thin-pack filter deepen-relative\n", "shallow "+o+"\n", "deepen 2\n", "filter blob:none\n", "", "have "+o+"\n", ""),
		pkt("want "+h+"\n", "", "have "+o+"\n", "done\n"),
		pkt("want "+h+" multi_ack\n", "deepen-since 1767225600\n", "deepen-not "+o+"\n", "", "done\n"),
	} {
		f.Add(uint8(0), body)
	}
	for _, body := range []string{
		command2("ls-refs", "symrefs", "unborn", "peel", "ref-prefix refs/"),
		command2("fetch", "want "+h, "have "+o, "thin-pack", "deepen 3", "shallow "+o, "deepen-relative"),
		command2("fetch", "want-ref refs/heads/main", "filter tree:1", "done"),
		command2("fetch", "wait-for-done", "have "+o),
		command2("fetch", "want "+o, "deepen-not "+o, "done"),
		command2("object-info", "size", "oid "+h),
		command2("bundle-uri"),
	} {
		f.Add(uint8(2), body)
	}
	whole := len(w.post(f, 2, command2("fetch", "want "+w.Head, "done")))
	f.Fuzz(func(t *testing.T, version uint8, body string) {
		body = names.Replace(body)
		if answer := w.post(t, version%3, body); len(answer) > 2*whole+2*len(body)+1000 {
			t.Fatalf("%d bytes of answer to %d", len(answer), len(body))
		}
	})
}

// post sends a request past the network, and returns the answer's body.
func (w *wiki) post(t testing.TB, version uint8, body string) string {
	r := httptest.NewRequest("POST", w.hosts.Wiki(w.Slug, "/repo.git/git-upload-pack"), strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Git-Protocol", "version="+string('0'+rune(version)))
	rec := httptest.NewRecorder()
	w.server.Config.Handler.ServeHTTP(rec, r)
	if rec.Code >= 500 || strings.Contains(rec.Body.String(), "Something went wrong") {
		t.Fatalf("%d %.300q to %.300q", rec.Code, rec.Body.String(), body)
	}
	return rec.Body.String()
}

// fuzzed is a small wiki that has all kinds of packs.
func fuzzed(f testing.TB) *wiki {
	fleet := newFleetOffering(f, 1)
	w := fleet.wiki(fleet.owner, "fuzzed", true)
	w.saves(20)
	w.folds()
	w.saves(3)
	return w
}
