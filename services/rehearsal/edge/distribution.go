package edge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"wikibot.io/services/rehearsal/template"
)

// distribution is one CloudFront distribution, ready to serve.
type distribution struct {
	id, domain string
	aliases    []string
	root       string // the object that "/" means, if any
	behaviors  []*behavior
	errorTTL   map[int]time.Duration
}

// behavior is one cache behavior. The last one of a distribution has the
// pattern "*".
type behavior struct {
	pattern            string
	methods, kept      []string
	compress           bool
	cache              *cachePolicy
	forward            *originPolicy
	headers            *responsePolicy
	onRequest, onReply *function
	onOrigin           *lambda
	origin             *origin
}

// origin is where a behavior's requests go.
type origin struct {
	domain, path string
	custom       http.Header
	handler      http.Handler
}

// errorTTLByDefault is how long errors are kept if the distribution says
// nothing ("Error caching minimum TTL").
const errorTTLByDefault = 10 * time.Second

// declaredBehavior is a cache behavior as templates write it. Settings that are
// not among these fields are refused, such as those of before cache policies
// (ForwardedValues, TTLs).
type declaredBehavior struct {
	PathPattern, TargetOriginID                                   string
	AllowedMethods, CachedMethods                                 []string
	Compress                                                      bool
	CachePolicyID, OriginRequestPolicyID, ResponseHeadersPolicyID string
	FunctionAssociations                                          []struct{ EventType, FunctionARN string }
	LambdaFunctionAssociations                                    []struct {
		EventType, LambdaFunctionARN string
		IncludeBody                  bool
	}
	ViewerProtocolPolicy string // every viewer is taken to use HTTPS
}

type declaredOrigin struct {
	ID, DomainName, OriginPath         string
	OriginAccessControlID              string
	OriginCustomHeaders                []struct{ HeaderName, HeaderValue string }
	S3OriginConfig, CustomOriginConfig any // ports, protocols and timeouts
}

type declaredDistribution struct {
	Aliases              []string
	Enabled              bool
	DefaultRootObject    string
	DefaultCacheBehavior declaredBehavior
	CacheBehaviors       []declaredBehavior
	Origins              []declaredOrigin
	CustomErrorResponses []struct {
		ErrorCode          int
		ErrorCachingMinTTL *int
		ResponseCode       any
		ResponsePagePath   string
	}
	// These make no difference here.
	Comment, HTTPVersion, IPV6Enabled, PriceClass, ViewerCertificate, WebACLID, Logging any
}

// decode reads properties into v and refuses those that v does not have.
func decode(r template.Resource, v any) error {
	b, err := json.Marshal(r.Properties)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Path(), err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", r.Path(), err)
	}
	return nil
}

func (e *Edge) distribution(r template.Resource) (*distribution, error) {
	var v struct {
		DistributionConfig declaredDistribution
		Tags               any
	}
	if err := decode(r, &v); err != nil {
		return nil, err
	}
	c := v.DistributionConfig
	d := &distribution{id: r.Name(), root: c.DefaultRootObject, errorTTL: map[int]time.Duration{}}
	d.domain = strings.ToLower(r.Name()) + ".cloudfront.net"
	for _, alias := range c.Aliases {
		d.aliases = append(d.aliases, strings.ToLower(alias))
	}
	var problems []error
	if !c.Enabled {
		problems = append(problems, errors.New("it is not enabled"))
	}
	for _, custom := range c.CustomErrorResponses {
		if custom.ResponsePagePath != "" {
			problems = append(problems, fmt.Errorf("an error page for %d is not known here", custom.ErrorCode))
		}
		if custom.ErrorCachingMinTTL != nil {
			d.errorTTL[custom.ErrorCode] = time.Duration(*custom.ErrorCachingMinTTL) * time.Second
		}
	}
	origins := map[string]*origin{}
	for _, o := range c.Origins {
		made, err := e.origin(r, o)
		problems = append(problems, err)
		origins[o.ID] = made
	}
	c.DefaultCacheBehavior.PathPattern = "*"
	for _, b := range append(c.CacheBehaviors, c.DefaultCacheBehavior) {
		made, err := e.behavior(b, origins)
		if err != nil {
			problems = append(problems, fmt.Errorf("behavior %s: %w", b.PathPattern, err))
		}
		d.behaviors = append(d.behaviors, made)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("distribution %s: %w", r.Path(), err)
	}
	return d, nil
}

func (e *Edge) behavior(b declaredBehavior, origins map[string]*origin) (*behavior, error) {
	made := &behavior{pattern: b.PathPattern, methods: b.AllowedMethods, kept: b.CachedMethods, compress: b.Compress, origin: origins[b.TargetOriginID]}
	var problems []error
	if made.origin == nil {
		problems = append(problems, fmt.Errorf("there is no origin %q", b.TargetOriginID))
	}
	if made.methods == nil {
		made.methods = []string{"GET", "HEAD"}
	}
	if made.kept == nil {
		made.kept = []string{"GET", "HEAD"}
	}
	for _, m := range made.kept {
		if !slices.Contains(made.methods, m) {
			problems = append(problems, fmt.Errorf("%s is cached but not allowed", m))
		}
	}
	var err error
	if made.cache, err = policyOf(e, b.CachePolicyID, "AWS::CloudFront::CachePolicy", managedCache, readCachePolicy); err != nil || made.cache == nil {
		problems = append(problems, err, errors.Join(err, errors.New("a cache policy is required")))
	}
	if made.forward, err = policyOf(e, b.OriginRequestPolicyID, "AWS::CloudFront::OriginRequestPolicy", managedOrigin, readOriginPolicy); err != nil {
		problems = append(problems, err)
	}
	if made.headers, err = policyOf(e, b.ResponseHeadersPolicyID, "AWS::CloudFront::ResponseHeadersPolicy", managedResponse, readResponsePolicy); err != nil {
		problems = append(problems, err)
	}
	problems = append(problems, e.functions(b, made))
	return made, errors.Join(problems...)
}

// policyOf finds a policy among the managed ones and the deployment's own.
func policyOf[P any](e *Edge, id, typ string, managed map[string]P, read func(template.Resource) (P, error)) (*P, error) {
	if id == "" {
		return nil, nil
	}
	if p, ok := managed[id]; ok {
		return &p, nil
	}
	r, ok := e.Deployment.Find(id)
	if !ok || r.Type != typ {
		return nil, fmt.Errorf("the policy %s is not known here", id)
	}
	p, err := read(r)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// functions finds the code that runs at the behavior's events.
func (e *Edge) functions(b declaredBehavior, made *behavior) error {
	var problems []error
	for _, a := range b.FunctionAssociations {
		f, err := e.function(a.FunctionARN)
		switch {
		case err != nil:
			problems = append(problems, err)
		case a.EventType == "viewer-request" && made.onRequest == nil:
			made.onRequest = f
		case a.EventType == "viewer-response" && made.onReply == nil:
			made.onReply = f
		default:
			problems = append(problems, fmt.Errorf("a function cannot be run at %s, or not another one", a.EventType))
		}
	}
	for _, a := range b.LambdaFunctionAssociations {
		l, err := e.lambda(a.LambdaFunctionARN)
		switch {
		case err != nil:
			problems = append(problems, err)
		case a.EventType == "origin-response" && made.onOrigin == nil && !a.IncludeBody:
			made.onOrigin = l
		default:
			problems = append(problems, fmt.Errorf("Lambda@Edge at %s is not known here", a.EventType))
		}
	}
	return errors.Join(problems...)
}

// origin finds what answers for an origin: a bucket of the deployment, or
// whatever Options.Origin knows.
func (e *Edge) origin(distribution template.Resource, o declaredOrigin) (*origin, error) {
	made := &origin{domain: o.DomainName, path: o.OriginPath, custom: http.Header{}}
	for _, h := range o.OriginCustomHeaders {
		made.custom.Set(h.HeaderName, h.HeaderValue)
	}
	if bucket, ok := e.Deployment.Find(o.DomainName); ok && bucket.Type == "AWS::S3::Bucket" {
		var err error
		made.handler, err = e.bucket(distribution, o, bucket)
		return made, err
	}
	if made.handler = e.Origin(o.DomainName); made.handler == nil {
		return nil, fmt.Errorf("nothing answers for the origin %s (%s)", o.ID, o.DomainName)
	}
	return made, nil
}

// takes reports how well a distribution's aliases fit a host: 2 for an exact
// alias, 1 for a wildcard, 0 for none.
func (d *distribution) takes(host string) int {
	if slices.Contains(d.aliases, host) {
		return 2
	}
	for _, alias := range d.aliases {
		if suffix, ok := strings.CutPrefix(alias, "*"); ok && strings.HasSuffix(host, suffix) && len(host) > len(suffix) {
			return 1
		}
	}
	return 0
}

// behaviorFor returns the first behavior whose pattern takes the path.
func (d *distribution) behaviorFor(path string) *behavior {
	path = normalized(path)
	for _, b := range d.behaviors {
		if matches(b.pattern, path) {
			return b
		}
	}
	return d.behaviors[len(d.behaviors)-1]
}
