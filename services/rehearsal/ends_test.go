package rehearsal_test

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/visitor"
)

// Devices are signed out from another one, all others at once, and an account is
// left, while the tables fail. Whatever was confirmed, or is said to be so already,
// is over at every door from then on, with all that was signed before.
func TestEndsHoldInBadWeather(t *testing.T) {
	r := start(t)
	names := []string{"ada", "bea", "eve"}
	people := map[string][]*visitor.Visitor{} // each with four devices
	for n, name := range names {
		devices := []*visitor.Visitor{signUp(t, r, name, false)}
		for range 3 {
			v, err := visitor.New(r.URL())
			if err != nil {
				t.Fatal(err)
			}
			if a, err := v.SignIn(t.Context(), name); err != nil || a.Status != http.StatusSeeOther {
				t.Fatalf("sign in: %d, %v", a.Status, err)
			}
			v.Slug = name
			devices = append(devices, v)
		}
		for d, v := range devices {
			v.From("127.0." + string(rune('1'+n)) + "." + string(rune('2'+d)))
		}
		people[name] = devices
	}
	if err := r.SetWeather(badTables); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for _, name := range names {
		all.Go(func() { endInBadWeather(ctx, t, people[name]) })
	}
	all.Wait()
	if err := r.SetWeather(rehearsal.Weather{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range names { // and it stays so
		for _, v := range people[name] {
			over(t.Context(), t, v, v.Cookies())
		}
	}
	settle(t, r)
	unrefused(t, r)
}

func endInBadWeather(ctx context.Context, t *testing.T, devices []*visitor.Visitor) {
	here, lost, others := devices[0], devices[1], devices[2:]
	listed := insist(ctx, t, "list devices", func(ctx context.Context) (visitor.Answer, error) {
		return lost.Get(ctx, lost.Root("/api/account/sessions"), false)
	})
	var said struct {
		Sessions []struct {
			ID      string
			Current bool
		}
	}
	if err := json.Unmarshal(listed.Body, &said); err != nil || listed.Status != http.StatusOK {
		t.Errorf("list devices: %d, %v: %s", listed.Status, err, listed.Body)
		return
	}
	for _, s := range said.Sessions {
		if !s.Current {
			continue
		}
		done := insist(ctx, t, "sign a device out", func(ctx context.Context) (visitor.Answer, error) {
			return here.Delete(ctx, here.Root("/api/account/sessions/"+s.ID))
		})
		if done.Status != http.StatusNoContent && done.Status != http.StatusNotFound {
			t.Errorf("sign a device out: %d: %s", done.Status, done.Body)
		}
		over(ctx, t, lost, lost.Cookies())
	}
	for signedOut := false; !signedOut; {
		done := insist(ctx, t, "sign all others out", func(ctx context.Context) (visitor.Answer, error) {
			return here.Delete(ctx, here.Root("/api/account/sessions"))
		})
		// What was signed for this one is void too, so who asks again because the
		// answer was lost renews it first, as the app does.
		if signedOut = done.Status == http.StatusNoContent; !signedOut && done.Status != http.StatusUnauthorized {
			t.Errorf("sign all others out: %d: %s", done.Status, done.Body)
			return
		}
		if a := insist(ctx, t, "renew", func(ctx context.Context) (visitor.Answer, error) {
			return here.Post(ctx, here.Root("/auth/refresh"), nil)
		}); a.Status != http.StatusOK {
			t.Errorf("the device that stays is not renewed: %d: %s", a.Status, a.Body)
			return
		}
	}
	for _, v := range others {
		over(ctx, t, v, v.Cookies())
	}
	cookies := here.Cookies()
	me := insist(ctx, t, "who am I", func(ctx context.Context) (visitor.Answer, error) { return here.Get(ctx, here.Root("/api/me"), false) })
	if me.Status != http.StatusOK {
		t.Errorf("the device that stays: %d: %s", me.Status, me.Body)
	}
	left := insist(ctx, t, "leave", func(ctx context.Context) (visitor.Answer, error) {
		return here.Post(ctx, here.Root("/api/account/deletion"), map[string]string{"username": here.Slug})
	})
	// Who asks again because the answer was lost is nobody by then.
	if left.Status != http.StatusAccepted && left.Status != http.StatusUnauthorized {
		t.Errorf("leave: %d: %s", left.Status, left.Body)
	}
	over(ctx, t, here, cookies)
	token := insist(ctx, t, "use the wiki's token", func(ctx context.Context) (visitor.Answer, error) {
		return here.Tool(ctx, "list_notes", nil)
	})
	if token.Status != http.StatusUnauthorized && token.Status != http.StatusNotFound {
		t.Errorf("the token of a wiki whose owner has left: %d: %s", token.Status, token.Body)
	}
}

// over tries the cookies of a session that has ended at the doors that take them.
func over(ctx context.Context, t *testing.T, v *visitor.Visitor, cookies string) {
	t.Helper()
	for _, door := range []struct {
		method, at string
		want       int
	}{
		{http.MethodGet, v.Root("/api/me"), http.StatusUnauthorized},
		{http.MethodGet, v.Root("/api/account/sessions"), http.StatusUnauthorized},
		{http.MethodPost, v.Root("/auth/refresh"), http.StatusUnauthorized},
		{http.MethodGet, v.Wiki("/api/v1/pages"), http.StatusUnauthorized},
	} {
		a := insist(ctx, t, "go on", func(ctx context.Context) (visitor.Answer, error) {
			return v.Send(ctx, door.method, door.at, "Cookie", cookies, "Origin", v.Root(""))
		})
		if a.Status != door.want {
			t.Errorf("%s with the cookies of a session that has ended: %d, want %d: %.200s", door.at, a.Status, door.want, a.Body)
		}
	}
}
