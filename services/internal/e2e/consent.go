package e2e

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// The example of RFC 7636, appendix B: scripts have no secrets to keep.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// back is where a client of scripts waits for the browser: nobody listens there,
// and nobody goes there.
const back = "http://127.0.0.1:9/callback"

// consent decides, in the browser of the script, about a client that wants into a
// wiki. It sets $CODE, and $VERIFIER and $BACK for the token request.
func (s *script) consent(ts *testscript.TestScript, args []string) error {
	if len(args) < 3 {
		return errors.New("usage: consent allow|deny CLIENT RESOURCE [read|write]")
	}
	v := Visitor{Decision: args[0], Client: s.client, Home: strings.TrimPrefix(s.baseURL, "http://")}
	if len(args) > 3 {
		v.Rights = args[3]
	}
	at, err := v.Visit(s.baseURL + "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {args[1]}, "redirect_uri": {back}, "resource": {args[2]},
		"state": {"of the script"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil {
		return err
	}
	q := at.Query()
	fmt.Fprintf(ts.Stdout(), "%s\n", at)
	ts.Setenv("CODE", q.Get("code"))
	ts.Setenv("VERIFIER", verifier)
	ts.Setenv("BACK", back)
	switch {
	case at.Host != "127.0.0.1:9":
		return fmt.Errorf("the browser was not led back to the client, it is at %s", at)
	case q.Get("iss") != s.baseURL || q.Get("state") != "of the script":
		return fmt.Errorf("the answer is of issuer %q with state %q", q.Get("iss"), q.Get("state"))
	case q.Get("code") == "":
		return fmt.Errorf("refused: %s", q.Get("error"))
	}
	return nil
}
