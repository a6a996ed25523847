package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	callTime    = 10 * time.Second // for all that one method asks
	answerLimit = 1 << 20          // bytes: a key set of 200 keys has 100,000
)

// caller makes the client by which providers are asked out of the one that was
// configured: its transport is kept, its habits are not.
func caller(base *http.Client) *http.Client {
	c := &http.Client{Timeout: callTime}
	next := http.DefaultTransport
	if base != nil && base.Transport != nil {
		next = base.Transport
	}
	c.Transport = &whole{next: next}
	return c
}

// whole reads each answer to its end before it hands it on, so that everything
// that can go wrong on the way is one error of one kind, *url.Error, however the
// libraries above word theirs. It takes no redirect for an answer: a token
// endpoint that redirects would have our secret posted elsewhere (RFC 9700 4.12),
// and the others have no reason to.
type whole struct{ next http.RoundTripper }

func (t *whole) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if refused(r.Method, resp.StatusCode) {
		return nil, fmt.Errorf("answered with status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if len(body) > answerLimit {
		return nil, fmt.Errorf("answered with more than %d bytes", answerLimit)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// refused reports which statuses are no answers. What is posted may be refused
// for a reason that the body tells; what is got is there or it is not.
func refused(method string, status int) bool {
	if method == http.MethodPost {
		return status >= 300 && status < 400 || status == http.StatusTooManyRequests || status >= 500
	}
	return status != http.StatusOK
}

// getJSON reads a JSON document, with a bearer token unless it is "".
func getJSON(ctx context.Context, c *http.Client, address, bearer string, v any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errors.New("make the request: the address is not a URL")
	}
	r.Header.Set("Accept", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		return errors.New("read the answer: it is not the JSON that it should be")
	}
	return nil
}

// unreachable reports that nobody knows: what was asked did not answer in time,
// or not properly.
func unreachable(err error) bool {
	_, call := errors.AsType[*url.Error](err)
	return call || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// secure checks an address to which secrets go: https, or http to this very
// machine where that is allowed.
func secure(raw string, loopback bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return nil, errors.New("not an absolute URL without user and fragment")
	case u.Scheme == "https", loopback && u.Scheme == "http" && local(u.Hostname()):
		return u, nil
	}
	return nil, errors.New("not an https URL (http is for loopback hosts alone)")
}

// local reports whether a host is this machine, by its name alone.
func local(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// brief makes a cause that fits into a log: foreign text without control
// characters, and not much of it.
func brief(text string) string { return clip(strings.ToValidUTF8(text, "�"), 200) }

// clip takes control and invisible characters out of what somebody else wrote,
// and all after the first n characters.
func clip(s string, n int) string {
	var b strings.Builder
	for _, r := range s {
		if n == 0 {
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			n--
		}
	}
	return strings.TrimSpace(b.String())
}
