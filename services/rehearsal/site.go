package rehearsal

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"wikibot.io/services/rehearsal/edge"
	"wikibot.io/services/rehearsal/template"
)

// startEdge puts the distributions up in front of the functions' URLs and the
// app's bucket.
func (r *Rehearsal) startEdge(l net.Listener) error {
	domain, err := r.domain()
	if err != nil {
		return err
	}
	if err := r.checkURLs(); err != nil {
		return err
	}
	r.edge, err = edge.New(edge.Options{
		Deployment: r.deployment, Domain: domain, Root: strings.TrimPrefix(r.url, "http://"), Log: r.log,
		Origin: r.origin,
		Bucket: func(template.Resource) (edge.Objects, error) { return edge.Upload(os.DirFS(r.opts.App), appPrefix) },
	})
	if err != nil {
		return err
	}
	r.serveOn(l, r.edge, 0)
	return nil
}

// appPrefix is where scripts/deploy puts the management app in its bucket.
const appPrefix = "app/"

// origin is the function whose URL has the domain, if there is one.
func (r *Rehearsal) origin(domain string) http.Handler {
	if u, ok := r.deployment.Find(domain); ok && u.Type == "AWS::Lambda::Url" {
		if f, ok := r.byARN(fmt.Sprint(u.Properties["TargetFunctionArn"])); ok {
			return f
		}
	}
	return nil
}

// checkURLs finds what would keep the edge from calling the functions' URLs.
func (r *Rehearsal) checkURLs() error {
	var wrong []error
	for _, u := range r.deployment.Resources("AWS::Lambda::Url") {
		var d struct{ TargetFunctionArn, AuthType, InvokeMode, Qualifier string }
		if err := u.Decode(&d); err != nil {
			return err
		}
		f, ok := r.byARN(d.TargetFunctionArn)
		if !ok {
			wrong = append(wrong, fmt.Errorf("%s: its function %s is none of the fleet's", u.Path(), d.TargetFunctionArn))
			continue
		}
		if d.AuthType != "NONE" || d.InvokeMode != "RESPONSE_STREAM" || d.Qualifier != "" {
			wrong = append(wrong, fmt.Errorf("%s: want authorization NONE and mode RESPONSE_STREAM of the function itself, not %q, %q of %q", u.Path(), d.AuthType, d.InvokeMode, d.Qualifier))
		}
		if err := r.public(f); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", u.Path(), err))
		}
	}
	return errors.Join(wrong...)
}
