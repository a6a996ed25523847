package runtimeapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	integrationResponse = "application/vnd.awslambda.http-integration-response"
	maxPrelude          = 1 << 20
	maxStreamed         = 200 << 20
)

// Event is the request event of a function URL, payload format 2.0.
type Event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        EventContext      `json:"requestContext"`
	Body                  string            `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

// EventContext is an Event's requestContext.
type EventContext struct {
	AccountID    string    `json:"accountId"`
	APIID        string    `json:"apiId"`
	DomainName   string    `json:"domainName"`
	DomainPrefix string    `json:"domainPrefix"`
	HTTP         EventHTTP `json:"http"`
	RequestID    string    `json:"requestId"`
	RouteKey     string    `json:"routeKey"`
	Stage        string    `json:"stage"`
	Time         string    `json:"time"`
	TimeEpoch    int64     `json:"timeEpoch"`
}

// EventHTTP is the request line of an Event.
type EventHTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// ServeHTTP is the function's URL, with invoke mode RESPONSE_STREAM and without
// authorization. What fails before the answer began is answered in Lambda's
// stead: 413 for a request over 6 MB, 429 when throttled, 502 when the function
// failed. An answer that fails later breaks off.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	payload, err := f.event(r)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) || len(payload) > maxBuffered {
		frontError(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "Request must be smaller than 6291456 bytes for the InvokeFunction operation")
		return
	}
	if err != nil {
		frontError(w, http.StatusBadRequest, "BadRequestException", "Bad Request")
		return
	}
	inv, err := f.begin(payload)
	if err != nil {
		f.refuse(w, err)
		return
	}
	// A client that leaves does not end the function's work: what it writes is
	// dropped from then on.
	res := inv.await(context.WithoutCancel(r.Context()))
	if res == nil {
		f.refuse(w, inv.err)
		return
	}
	begun, err := stream(w, r, res)
	res.body.Close()
	<-inv.done // the process is idle before the client asks for more
	switch {
	case err == nil:
	case begun:
		fmt.Fprintf(f.out, "function URL of %s: %v\n", f.cfg.Name, err)
		panic(http.ErrAbortHandler)
	default:
		f.refuse(w, errors.Join(inv.err, err))
	}
}

// refuse answers for a function that gave no answer.
func (f *Function) refuse(w http.ResponseWriter, err error) {
	if errors.Is(err, ErrThrottled) {
		frontError(w, http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
		return
	}
	fmt.Fprintf(f.out, "function URL of %s: %v\n", f.cfg.Name, err)
	frontError(w, http.StatusBadGateway, "InternalServerErrorException", "Internal Server Error")
}

func frontError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-Errortype", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"Message": message})
}

// event makes the function URL's event of a request.
func (f *Function) event(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBuffered))
	if err != nil {
		return nil, err
	}
	id := strings.ToLower(strings.ReplaceAll(f.cfg.Name, "_", "-"))
	domain := id + ".lambda-url.us-east-1.on.aws"
	path := r.URL.EscapedPath()
	if raw, _, _ := strings.Cut(r.RequestURI, "?"); strings.HasPrefix(raw, "/") {
		path = raw
	}
	now := time.Now().UTC()
	e := Event{
		Version: "2.0", RouteKey: "$default",
		RawPath: path, RawQueryString: r.URL.RawQuery,
		RequestContext: EventContext{
			AccountID: "anonymous", APIID: id, DomainName: domain, DomainPrefix: id,
			RequestID: requestID(), RouteKey: "$default", Stage: "$default",
			Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: EventHTTP{Method: r.Method, Path: path, Protocol: r.Proto, SourceIP: sourceIP(r), UserAgent: r.UserAgent()},
		},
	}
	e.Headers, e.Cookies = headers(r, domain, len(body))
	if query := r.URL.Query(); len(query) > 0 {
		e.QueryStringParameters = map[string]string{}
		for name, values := range query {
			e.QueryStringParameters[name] = strings.Join(values, ",")
		}
	}
	if isText(r.Header) && utf8.Valid(body) {
		e.Body = string(body)
	} else {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), len(body) > 0
	}
	return json.Marshal(e)
}

// headers returns the request's fields as the event carries them: names in lower
// case, several values joined, cookies apart, and none that concern only the
// connection.
func headers(r *http.Request, domain string, length int) (fields map[string]string, cookies []string) {
	fields = map[string]string{}
	hop := map[string]bool{"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true}
	for _, v := range r.Header["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			hop[http.CanonicalHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	for name, values := range r.Header {
		switch {
		case hop[name]:
		case name == "Cookie":
			for _, v := range values {
				for c := range strings.SplitSeq(v, ";") {
					if c = strings.TrimSpace(c); c != "" {
						cookies = append(cookies, c)
					}
				}
			}
		default:
			fields[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	fields["host"] = domain
	if length > 0 || r.ContentLength == 0 && r.Method != http.MethodGet && r.Method != http.MethodHead {
		fields["content-length"] = fmt.Sprint(length)
	}
	fields["x-forwarded-proto"], fields["x-forwarded-port"] = "https", "443"
	if before := fields["x-forwarded-for"]; before != "" {
		fields["x-forwarded-for"] = before + ", " + sourceIP(r)
	} else {
		fields["x-forwarded-for"] = sourceIP(r)
	}
	fields["x-amzn-trace-id"] = traceID()
	return fields, cookies
}

func sourceIP(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

// isText reports whether the front passes a body on as it is; it encodes any
// other, forms among them.
func isText(h http.Header) bool {
	if h.Get("Content-Encoding") != "" {
		return false
	}
	t, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	switch t {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(t, "text/")
}

// stream turns a function's response into the answer, each chunk sent on as it
// comes. An error with begun says that half an answer is out.
func stream(w http.ResponseWriter, r *http.Request, res *response) (begun bool, err error) {
	body := bufio.NewReader(res.body)
	if res.contentType == integrationResponse {
		err = prelude(w, body)
	} else {
		// What is no HTTP response is the body of one.
		w.Header().Set("Content-Type", "application/octet-stream")
		_, err = body.Peek(1) // an error comes before the status
		if err == io.EOF {
			err = nil
		}
		if err == nil {
			w.WriteHeader(http.StatusOK)
		}
	}
	if err != nil {
		return false, err
	}
	flush := http.NewResponseController(w).Flush
	flush()
	buf := make([]byte, 32<<10)
	gone := r.Method == http.MethodHead // nobody reads: the rest is only waited for
	for sent := 0; ; {
		n, err := body.Read(buf)
		if sent += n; sent > maxStreamed {
			return true, fmt.Errorf("the response is larger than %d bytes", maxStreamed)
		}
		if n > 0 && !gone {
			_, writeErr := w.Write(buf[:n])
			gone = writeErr != nil
			flush()
		}
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return true, err
		}
	}
}

// remapped are the fields that the front keeps for itself: a function's own
// values come under another name.
var remapped = map[string]string{
	"Www-Authenticate": "X-Amzn-Remapped-Www-Authenticate",
	"Connection":       "X-Amzn-Remapped-Connection",
	"Date":             "X-Amzn-Remapped-Date",
}

var preludeEnd [8]byte

// prelude reads what comes before the body, up to the eight NULs, and writes
// status and header.
func prelude(w http.ResponseWriter, body *bufio.Reader) error {
	var raw []byte
	for !bytes.HasSuffix(raw, preludeEnd[:]) {
		c, err := body.ReadByte()
		if err != nil {
			return fmt.Errorf("read the response's prelude: %w", err)
		}
		if raw = append(raw, c); len(raw) > maxPrelude {
			return errors.New("the response's prelude has no end")
		}
	}
	var p struct {
		StatusCode int               `json:"statusCode"`
		Headers    map[string]string `json:"headers"`
		Cookies    []string          `json:"cookies"`
	}
	if err := json.Unmarshal(raw[:len(raw)-len(preludeEnd)], &p); err != nil {
		return fmt.Errorf("read the response's prelude: %w", err)
	}
	if p.StatusCode < 200 || p.StatusCode > 599 {
		return fmt.Errorf("the response's status is %d", p.StatusCode)
	}
	h := w.Header()
	for name, v := range p.Headers {
		name = http.CanonicalHeaderKey(name)
		if other, ok := remapped[name]; ok {
			name = other
		}
		h.Set(name, v)
	}
	for _, c := range p.Cookies {
		h.Add("Set-Cookie", c)
	}
	w.WriteHeader(p.StatusCode)
	return nil
}
