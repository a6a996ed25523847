package edge

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// function is a CloudFront Function.
type function struct{ script *script }

// maxCode is the largest CloudFront Function, in bytes.
const maxCode = 10 << 10

func (e *Edge) function(arn string) (*function, error) {
	r, ok := e.Deployment.Find(arn)
	if !ok || r.Type != "AWS::CloudFront::Function" {
		return nil, fmt.Errorf("there is no function %s", arn)
	}
	if f, ok := e.known[arn]; ok {
		return f, nil
	}
	var v struct {
		FunctionCode   string
		FunctionConfig struct{ Runtime string }
		AutoPublish    bool
	}
	if err := r.Decode(&v); err != nil {
		return nil, err
	}
	switch {
	case !v.AutoPublish:
		return nil, fmt.Errorf("%s is not published", r.Path())
	case len(v.FunctionCode) > maxCode:
		return nil, fmt.Errorf("%s has %d bytes, and %d are allowed", r.Path(), len(v.FunctionCode), maxCode)
	}
	s, err := compile(r.Path(), v.FunctionCode, "handler")
	if err != nil {
		return nil, err
	}
	f := &function{script: s}
	e.known[arn] = f
	return f, nil
}

// The event, as "CloudFront Functions event structure" has it.
type (
	cfValue struct {
		Value      string    `json:"value"`
		Attributes string    `json:"attributes,omitempty"`
		MultiValue []cfValue `json:"multiValue,omitempty"`
	}
	cfValues  map[string]cfValue
	cfContext struct {
		DistributionDomainName string `json:"distributionDomainName"`
		DistributionID         string `json:"distributionId"`
		EventType              string `json:"eventType"`
		RequestID              string `json:"requestId"`
	}
	cfRequest struct {
		Method      string   `json:"method"`
		URI         string   `json:"uri"`
		QueryString cfValues `json:"querystring"`
		Headers     cfValues `json:"headers"`
		Cookies     cfValues `json:"cookies"`
	}
	cfResponse struct {
		StatusCode        int             `json:"statusCode"`
		StatusDescription string          `json:"statusDescription,omitempty"`
		Headers           cfValues        `json:"headers"`
		Cookies           cfValues        `json:"cookies"`
		Body              json.RawMessage `json:"body,omitempty"`
	}
	cfEvent struct {
		Version string         `json:"version"`
		Context cfContext      `json:"context"`
		Viewer  map[string]any `json:"viewer"`
		Request cfRequest      `json:"request"`
		// Response is there for viewer-response events only.
		Response *cfResponse `json:"response,omitempty"`
	}
)

// hidden are the headers that edge code neither sees nor may add.
var hidden = []string{
	"connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "trailer", "upgrade",
	"x-accel-buffering", "x-accel-charset", "x-accel-limit-rate", "x-accel-redirect", "x-amzn-auth", "x-amzn-cf-billing",
	"x-amzn-cf-id", "x-amzn-cf-xff", "x-amzn-errortype", "x-amzn-fle-profile", "x-amzn-header-count", "x-amzn-header-order",
	"x-amzn-lambda-integration-tag", "x-amzn-requestid", "x-cache", "x-forwarded-proto", "x-real-ip",
}

func isHidden(lower string) bool {
	return slices.Contains(hidden, lower) || strings.HasPrefix(lower, "x-amz-cf-") || strings.HasPrefix(lower, "x-edge-")
}

// Headers that functions may read but not change.
var (
	fixedInRequest  = []string{"content-length", "host", "transfer-encoding", "via"}
	fixedInResponse = []string{"warning", "via"}
)

// errInvalid is what edge code returned that CloudFront refuses: 502 instead of
// the 503 for code that fails.
var errInvalid = errors.New("what it returned is not valid")

func (e *Edge) event(d *distribution, v *viewer, kind string) cfEvent {
	return cfEvent{
		Version: "1.0",
		Context: cfContext{DistributionDomainName: d.domain, DistributionID: d.id, EventType: kind, RequestID: v.id},
		Viewer:  map[string]any{"ip": v.ip},
		Request: cfRequest{Method: v.method, URI: v.uri, QueryString: queryValues(v.query), Headers: headerValues(v.header, "Cookie"), Cookies: cookieValues(v.header)},
	}
}

// onRequest runs a viewer-request function. It returns an answer if the function
// gave one; otherwise the viewer's request was changed as the function said.
func (f *function) onRequest(event cfEvent, v *viewer) (*http.Response, error) {
	var out struct {
		cfRequest
		StatusCode *int `json:"statusCode"`
	}
	var raw json.RawMessage
	if err := f.script.run(event, &raw); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("%w: %w", errInvalid, err)
	}
	if out.StatusCode != nil {
		var answer cfResponse
		if err := json.Unmarshal(raw, &answer); err != nil {
			return nil, fmt.Errorf("%w: %w", errInvalid, err)
		}
		return answer.response(nil, nil)
	}
	in := event.Request
	if !strings.HasPrefix(out.URI, "/") || out.Method != in.Method || out.Headers == nil {
		return nil, fmt.Errorf("%w: a request with the method %q, the uri %q", errInvalid, out.Method, out.URI)
	}
	if err := in.Headers.kept(out.Headers, fixedInRequest); err != nil {
		return nil, err
	}
	header := out.Headers.header(in.Headers, v.header)
	if same(in.Cookies, out.Cookies) {
		header["Cookie"] = v.header["Cookie"]
	} else if cookies := out.Cookies.pairs(in.Cookies, "; "); cookies != "" {
		header.Set("Cookie", cookies)
	}
	for name, values := range v.header {
		if isHidden(strings.ToLower(name)) {
			header[name] = values
		}
	}
	v.header, v.uri = header, out.URI
	if !same(in.QueryString, out.QueryString) {
		v.query = out.QueryString.pairs(in.QueryString, "&")
	}
	return nil, nil
}

// onReply runs a viewer-response function and changes the response.
func (f *function) onReply(event cfEvent, res *http.Response) error {
	in := cfResponse{StatusCode: res.StatusCode, StatusDescription: http.StatusText(res.StatusCode), Headers: headerValues(res.Header, "Set-Cookie"), Cookies: setCookieValues(res.Header)}
	event.Response = &in
	var out cfResponse
	if err := f.script.run(event, &out); err != nil {
		return err
	}
	if err := in.Headers.kept(out.Headers, fixedInResponse); err != nil {
		return err
	}
	unseen := http.Header{}
	for name, values := range res.Header {
		if isHidden(strings.ToLower(name)) {
			unseen[name] = values
		}
	}
	changed, err := out.response(in.Headers, res.Header)
	if err != nil {
		return err
	}
	if same(in.Cookies, out.Cookies) {
		changed.Header["Set-Cookie"] = res.Header["Set-Cookie"]
	}
	for name, values := range unseen {
		changed.Header[name] = values
	}
	res.StatusCode, res.Header = changed.StatusCode, changed.Header
	if len(out.Body) > 0 {
		_, _ = io.Copy(io.Discard, res.Body) // the cache keeps what the origin said
		_ = res.Body.Close()
		res.Body, res.ContentLength = changed.Body, changed.ContentLength
	}
	return nil
}

// kept checks that a function changed no header that it must not change, and
// added none that it must not add.
func (in cfValues) kept(out cfValues, fixed []string) error {
	for name := range out {
		if name != strings.ToLower(name) || isHidden(name) {
			return fmt.Errorf("%w: a header named %q", errInvalid, name)
		}
	}
	for _, name := range fixed {
		if !same(in[name], out[name]) {
			return fmt.Errorf("%w: the header %q was changed", errInvalid, name)
		}
	}
	return nil
}

func (r cfResponse) response(in cfValues, raw http.Header) (*http.Response, error) {
	if r.StatusCode < 200 || r.StatusCode > 599 {
		return nil, fmt.Errorf("%w: the status %d", errInvalid, r.StatusCode)
	}
	if in == nil {
		if err := (cfValues{}).kept(r.Headers, nil); err != nil {
			return nil, err
		}
	}
	res := &http.Response{StatusCode: r.StatusCode, Header: r.Headers.header(in, raw), Body: http.NoBody}
	for _, name := range sortedNames(r.Cookies) {
		for _, c := range r.Cookies[name].values(cfValue{}) {
			line := name + "=" + c.Value
			if c.Attributes != "" {
				line += "; " + c.Attributes
			}
			res.Header.Add("Set-Cookie", line)
		}
	}
	if len(r.Body) == 0 {
		return res, nil
	}
	var text string
	var full struct{ Encoding, Data string }
	if json.Unmarshal(r.Body, &text) != nil {
		if err := json.Unmarshal(r.Body, &full); err != nil {
			return nil, fmt.Errorf("%w: the body: %w", errInvalid, err)
		}
		text = full.Data
		if full.Encoding == "base64" {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return nil, fmt.Errorf("%w: the body: %w", errInvalid, err)
			}
			text = string(b)
		}
	}
	setBody(res, []byte(text))
	res.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return res, nil
}

// values applies the rule for duplicates: a multiValue that was changed counts;
// otherwise a changed value replaces the first one.
func (v cfValue) values(was cfValue) []cfValue {
	if len(v.MultiValue) == 0 {
		return []cfValue{v}
	}
	if same(v.MultiValue, was.MultiValue) && v.Value != was.Value {
		return append([]cfValue{{Value: v.Value, Attributes: v.Attributes}}, v.MultiValue[1:]...)
	}
	return v.MultiValue
}

// header makes the fields again. Those that were not changed stay as they were
// sent, byte by byte.
func (vs cfValues) header(was cfValues, raw http.Header) http.Header {
	h := http.Header{}
	for name, v := range vs {
		if field := http.CanonicalHeaderKey(name); raw[field] != nil && same(v, was[name]) {
			h[field] = raw[field]
			continue
		}
		for _, value := range v.values(was[name]) {
			h.Add(name, value.Value)
		}
	}
	return h
}

func (vs cfValues) pairs(was cfValues, between string) string {
	var out []string
	for _, name := range sortedNames(vs) {
		for _, v := range vs[name].values(was[name]) {
			out = append(out, name+"="+v.Value)
		}
	}
	return strings.Join(out, between)
}

func headerValues(h http.Header, except string) cfValues {
	vs := cfValues{}
	for name, values := range h {
		lower := strings.ToLower(name)
		if name == except || isHidden(lower) {
			continue
		}
		for _, value := range values {
			vs.add(lower, cfValue{Value: value})
		}
	}
	return vs
}

func cookieValues(h http.Header) cfValues {
	vs := cfValues{}
	for _, pair := range cookiePairs(h) {
		name, value, _ := strings.Cut(pair, "=")
		vs.add(name, cfValue{Value: value})
	}
	return vs
}

func setCookieValues(h http.Header) cfValues {
	vs := cfValues{}
	for _, line := range h["Set-Cookie"] {
		pair, attributes, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		vs.add(strings.TrimSpace(name), cfValue{Value: value, Attributes: strings.TrimSpace(attributes)})
	}
	return vs
}

// queryValues splits a query as it was sent, still encoded.
func queryValues(raw string) cfValues {
	vs := cfValues{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		vs.add(name, cfValue{Value: value})
	}
	return vs
}

func (vs cfValues) add(name string, v cfValue) {
	name, v.Value, v.Attributes = decoded(name), decoded(v.Value), decoded(v.Attributes)
	was, ok := vs[name]
	if !ok {
		vs[name] = v
		return
	}
	if len(was.MultiValue) == 0 {
		was.MultiValue = []cfValue{{Value: was.Value, Attributes: was.Attributes}}
	}
	was.MultiValue = append(was.MultiValue, v)
	vs[name] = was
}

// decoded is how edge code sees text: what is not UTF-8 is taken for ISO 8859-1.
func decoded(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	runes := make([]rune, 0, len(s))
	for _, b := range []byte(s) {
		runes = append(runes, rune(b))
	}
	return string(runes)
}

func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func sortedNames(vs cfValues) []string {
	names := make([]string, 0, len(vs))
	for name := range vs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
