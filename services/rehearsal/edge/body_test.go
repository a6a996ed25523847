package edge_test

import (
	"bufio"
	"io"
	"net/http"
	"testing"
)

func TestBodiesStreamThrough(t *testing.T) {
	next := make(chan string)
	w := newWorld(t, resources(), func(w http.ResponseWriter, r *http.Request) {
		for chunk := range next {
			_, _ = io.WriteString(w, chunk)
		}
	})
	req, err := http.NewRequest("GET", w.url+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "site.localhost"
	first := make(chan struct{})
	go func() { next <- "one\n"; close(first) }()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	<-first
	for _, want := range []string{"one\n", "two\n", "three\n"} {
		// Each line is here before the next one is written.
		if got, err := lines.ReadString('\n'); got != want || err != nil {
			t.Fatalf("line = %q, %v", got, err)
		}
		switch want {
		case "one\n":
			next <- "two\n"
		case "two\n":
			next <- "three\n"
		}
	}
	close(next)
}

func TestBigBodiesBothWays(t *testing.T) {
	const size = 64 << 20
	w := newWorld(t, resources(), func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); n != size || err != nil {
			t.Errorf("the origin received %d bytes: %v", n, err)
		}
		_, _ = io.Copy(w, io.LimitReader(zeros{}, size))
	})
	req, err := http.NewRequest("POST", w.url+"/big", io.LimitReader(zeros{}, size))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "site.localhost"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); n != size || err != nil {
		t.Errorf("the viewer received %d bytes: %v", n, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestBodyThatBreaksOffIsNeitherWholeNorKept(t *testing.T) {
	w := newWorld(t, resources(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half of it")
		panic(http.ErrAbortHandler)
	})
	for range 2 {
		req, err := http.NewRequest("GET", w.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "site.localhost"
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Error("a body that broke off came to its end")
		}
		_ = res.Body.Close()
	}
	if w.count() != 2 {
		t.Errorf("the origin was asked %d times, want 2", w.count())
	}
}

func TestOriginThatGivesNoAnswerIs502(t *testing.T) {
	w := newWorld(t, resources(), func(http.ResponseWriter, *http.Request) { panic("gone") })
	w.want(w.ask("GET", "/"), 502, "Error", "")
}
