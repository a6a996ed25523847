package edge

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// lambda is a Lambda@Edge function: Node code that stands in the template.
type lambda struct{ script *script }

// lambda finds the code of a version and checks what CloudFront asks of it.
func (e *Edge) lambda(version string) (*lambda, error) {
	if l, ok := e.lambdas[version]; ok {
		return l, nil
	}
	r, ok := e.Deployment.Find(version)
	if !ok || r.Type != "AWS::Lambda::Version" {
		return nil, fmt.Errorf("%s is not a version of a function; Lambda@Edge needs one", version)
	}
	var of struct{ FunctionName string }
	if err := r.Decode(&of); err != nil {
		return nil, err
	}
	fn, ok := e.Deployment.Find(of.FunctionName)
	if !ok || fn.Type != "AWS::Lambda::Function" {
		return nil, fmt.Errorf("%s: there is no function %s", r.Path(), of.FunctionName)
	}
	var v struct {
		Runtime, Handler             string
		Code                         struct{ ZipFile string }
		Architectures                []string
		Environment, VpcConfig       any
		Layers, FileSystemConfigs    []any
		DeadLetterConfig             any
		MemorySize                   float64
		ReservedConcurrentExecutions any
	}
	if err := fn.Decode(&v); err != nil {
		return nil, err
	}
	switch {
	case !strings.HasPrefix(v.Runtime, "nodejs") || v.Code.ZipFile == "" || v.Handler != "index.handler":
		return nil, fmt.Errorf("%s: only Node code that stands in the template is known here", fn.Path())
	case v.Environment != nil || v.VpcConfig != nil || v.Layers != nil || v.FileSystemConfigs != nil || v.DeadLetterConfig != nil || v.ReservedConcurrentExecutions != nil:
		return nil, fmt.Errorf("%s: Lambda@Edge has no environment, network, layers, files, dead letters or reserved concurrency", fn.Path())
	case len(v.Architectures) == 1 && v.Architectures[0] != "x86_64":
		return nil, fmt.Errorf("%s: Lambda@Edge does not run on %s", fn.Path(), v.Architectures[0])
	}
	s, err := compile(fn.Path(), v.Code.ZipFile, "exports.handler || module.exports.handler")
	if err != nil {
		return nil, err
	}
	l := &lambda{script: s}
	e.lambdas[version] = l
	return l, nil
}

// The event, as "Lambda@Edge event structure" has it.
type (
	leHeaders map[string][]struct {
		Key   string `json:"key,omitempty"`
		Value string `json:"value"`
	}
	leRequest struct {
		ClientIP    string         `json:"clientIp"`
		Method      string         `json:"method"`
		URI         string         `json:"uri"`
		QueryString string         `json:"querystring"`
		Headers     leHeaders      `json:"headers"`
		Origin      map[string]any `json:"origin"`
	}
	leResponse struct {
		Status            string    `json:"status"`
		StatusDescription string    `json:"statusDescription"`
		Headers           leHeaders `json:"headers"`
		Body              *string   `json:"body,omitempty"`
		BodyEncoding      string    `json:"bodyEncoding,omitempty"`
	}
	leRecord struct {
		CF struct {
			Config   cfContext  `json:"config"`
			Request  leRequest  `json:"request"`
			Response leResponse `json:"response"`
		} `json:"cf"`
	}
)

// fixedAtOrigin are the headers that origin-response code may not change.
var fixedAtOrigin = []string{"transfer-encoding", "via"}

// onResponse runs origin-response code on what the origin answered.
func (l *lambda) onResponse(config cfContext, v *viewer, sent *http.Request, res *http.Response) error {
	var record leRecord
	record.CF.Config = config
	record.CF.Request = leRequest{ClientIP: v.ip, Method: v.method, URI: v.uri, QueryString: v.query, Headers: lambdaHeaders(sent.Header),
		Origin: map[string]any{"custom": map[string]any{"domainName": sent.Host, "port": 443, "protocol": "https", "path": "", "customHeaders": map[string]any{}}}}
	record.CF.Response = leResponse{Status: strconv.Itoa(res.StatusCode), StatusDescription: http.StatusText(res.StatusCode), Headers: lambdaHeaders(res.Header)}
	var out leResponse
	if err := l.script.run(map[string]any{"Records": []leRecord{record}}, &out); err != nil {
		return err
	}
	status, err := strconv.Atoi(out.Status)
	if err != nil || status < 200 || status > 599 {
		return fmt.Errorf("%w: the status %q", errInvalid, out.Status)
	}
	header := http.Header{}
	for name, values := range out.Headers {
		if isHidden(strings.ToLower(name)) {
			return fmt.Errorf("%w: a header named %q", errInvalid, name)
		}
		if field := http.CanonicalHeaderKey(name); res.Header[field] != nil && same(values, record.CF.Response.Headers[name]) {
			header[field] = res.Header[field] // byte by byte as it was
			continue
		}
		for _, value := range values {
			header.Add(name, value.Value)
		}
	}
	for _, name := range fixedAtOrigin {
		if header.Get(name) != res.Header.Get(name) {
			return fmt.Errorf("%w: the header %q was changed", errInvalid, name)
		}
	}
	for name, values := range res.Header {
		if isHidden(strings.ToLower(name)) {
			header[name] = values
		}
	}
	res.StatusCode, res.Header = status, header
	if out.Body != nil {
		body := []byte(*out.Body)
		if out.BodyEncoding == "base64" {
			if body, err = base64.StdEncoding.DecodeString(*out.Body); err != nil {
				return fmt.Errorf("%w: the body: %w", errInvalid, err)
			}
		}
		_ = res.Body.Close() // it is replaced
		setBody(res, body)
	}
	return nil
}

func lambdaHeaders(h http.Header) leHeaders {
	out := leHeaders{}
	for name, values := range h {
		lower := strings.ToLower(name)
		if isHidden(lower) {
			continue
		}
		for _, value := range values {
			out[lower] = append(out[lower], struct {
				Key   string `json:"key,omitempty"`
				Value string `json:"value"`
			}{name, decoded(value)})
		}
	}
	return out
}
