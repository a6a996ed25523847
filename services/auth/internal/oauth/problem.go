package oauth

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
)

// The error codes (RFC 6749 sections 4.1.2.1 and 5.2, RFC 7591 section 3.2.2, RFC
// 8628 section 3.5, RFC 8707 section 2).
const (
	accessDenied           = "access_denied"
	authorizationPending   = "authorization_pending"
	consentRequired        = "consent_required"
	expiredToken           = "expired_token"
	invalidClient          = "invalid_client"
	invalidClientMetadata  = "invalid_client_metadata"
	invalidGrant           = "invalid_grant"
	invalidRedirectURI     = "invalid_redirect_uri"
	invalidRequest         = "invalid_request"
	invalidScope           = "invalid_scope"
	invalidTarget          = "invalid_target"
	requestNotSupported    = "request_not_supported"
	requestURINotSupported = "request_uri_not_supported"
	serverError            = "server_error"
	slowDown               = "slow_down"
	temporarilyUnavailable = "temporarily_unavailable"
	unauthorizedClient     = "unauthorized_client"
	unsupportedGrantType   = "unsupported_grant_type"
	unsupportedResponse    = "unsupported_response_type"
)

// problem is an error that a client is told. Its text is ours alone, without
// quotes and backslashes (RFC 6749 section 5.2 allows none).
type problem struct {
	code   string
	text   string
	status int   // 0 means 400
	err    error // the cause, for the log; may be nil
}

func refuse(code, text string) *problem { return &problem{code: code, text: text} }

func (p *problem) Error() string {
	if p.err != nil {
		return p.code + ": " + p.text + ": " + p.err.Error()
	}
	return p.code + ": " + p.text
}

func (p *problem) Unwrap() error { return p.err }

// problemOf is the switch from what went wrong to what the client is told.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return &problem{code: serverError, status: http.StatusInternalServerError, text: "something went wrong on our side", err: err}
	}
	switch e.Kind {
	case fault.TooMany:
		return &problem{code: temporarilyUnavailable, status: http.StatusTooManyRequests, text: "this happens too often: wait as long as Retry-After says", err: err}
	case fault.Unavailable:
		return &problem{code: temporarilyUnavailable, status: http.StatusServiceUnavailable, text: "try again in a moment", err: err}
	default:
		return &problem{code: serverError, status: http.StatusInternalServerError, text: "something went wrong on our side", err: err}
	}
}

// writeProblem answers a program (RFC 6749 section 5.2).
func writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	// What went wrong on our side is logged as what it is, and so is what passes.
	rec := web.RecordOf(r.Context())
	if rec.Err = p.err; rec.Err == nil {
		rec.Err = fault.New(fault.Invalid, "%s: %s", p.code, p.text)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	web.SetRetryAfter(h, err)
	status := p.status
	if status == 0 {
		status = http.StatusBadRequest
	}
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="wikibot"`) // required beside 401, though nothing here takes a password
	}
	_ = web.WriteJSON(w, status, map[string]string{"error": p.code, "error_description": p.text})
}

// maxForm bounds a posted form, in bytes.
const maxForm = 16 << 10

// readForm reads a posted form of bounded size, and nothing from the query: what
// is secret must not stand in an address. No parameter may be there twice (RFC
// 6749 section 3.2): two readers would each see another one.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		return nil, refuse(invalidRequest, "send a form: Content-Type application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &problem{code: invalidRequest, status: http.StatusRequestEntityTooLarge, text: "the form is too large"}
	}
	if err != nil {
		return nil, &problem{code: invalidRequest, text: "the form cannot be read", err: err}
	}
	return r.PostForm, once(r.PostForm)
}

// once refuses repeated parameters. What leaves a parameter empty does not give
// it (RFC 6749 section 3.1).
func once(form url.Values) error {
	for name, values := range form {
		if len(values) < 2 {
			continue
		}
		if name == "resource" {
			return refuse(invalidTarget, "a token is for one resource: name one")
		}
		return refuse(invalidRequest, "a parameter is there twice: "+printable(name))
	}
	return nil
}

// printable keeps of foreign text what may stand in an error description.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, text)
	return text[:min(len(text), 40)]
}
