package edge

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"wikibot.io/services/rehearsal/template"
)

// selection says which headers, cookies or query strings a policy means.
type selection struct {
	all    bool
	only   []string // lower case for headers
	except []string
}

func (s selection) has(name string) bool {
	if s.all {
		return !slices.Contains(s.except, name)
	}
	return slices.Contains(s.only, name)
}

func (s selection) none() bool { return !s.all && len(s.only) == 0 }

// cachePolicy says what is in the cache's key, and for how long answers are
// kept. What is in the key goes to the origin, too.
type cachePolicy struct {
	min, normal, max        time.Duration
	gzip, brotli            bool
	headers, cookies, query selection
}

func (p *cachePolicy) disabled() bool { return p.max == 0 }

// originPolicy says what else goes to the origin.
type originPolicy struct {
	headers, cookies, query selection
	adds                    []string // CloudFront's own headers, canonical
}

// responsePolicy changes the headers of what the viewer gets.
type responsePolicy struct {
	remove []string
	set    []headerRule
}

type headerRule struct {
	name, value string
	override    bool
}

const day = 24 * time.Hour

// The managed policies, by the ids that the developer guide lists.
var managedCache = map[string]cachePolicy{
	"4135ea2d-6df8-44a3-9df3-4b5a84be39ad": {},                                                                        // CachingDisabled
	"658327ea-f89d-4fab-a63d-7e88639e58f6": {min: time.Second, normal: day, max: 365 * day, gzip: true, brotli: true}, // CachingOptimized
	"b2884449-e4de-46a7-ac36-70bc7f1ddd6d": {min: time.Second, normal: day, max: 365 * day},                           // …ForUncompressedObjects
	"83da9c7e-98b4-4e11-a168-04f0df8e2c65": { // UseOriginCacheControlHeaders
		max: 365 * day, gzip: true, brotli: true, cookies: selection{all: true},
		headers: selection{only: []string{"host", "origin", "x-http-method-override", "x-http-method", "x-method-override"}},
	},
	"4cc15a8a-d715-48a4-82b8-cc0b614638fe": { // UseOriginCacheControlHeaders-QueryStrings
		max: 365 * day, gzip: true, brotli: true, cookies: selection{all: true}, query: selection{all: true},
		headers: selection{only: []string{"host", "origin", "x-http-method-override", "x-http-method", "x-method-override"}},
	},
}

var managedOrigin = map[string]originPolicy{
	"216adef6-5c7f-47e4-b989-5492eafa07d3": {headers: selection{all: true}, cookies: selection{all: true}, query: selection{all: true}},                           // AllViewer
	"b689b0a8-53d0-40ab-baf2-68738e2966ac": {headers: selection{all: true, except: []string{"host"}}, cookies: selection{all: true}, query: selection{all: true}}, // AllViewerExceptHostHeader
	"88a5eaf4-2fd4-4709-b370-b4c650ea3fcf": {headers: selection{only: []string{"origin", "access-control-request-headers", "access-control-request-method"}}},     // CORS-S3Origin
	"59781a5b-3903-41f3-afcb-af62929ccde1": {headers: selection{only: []string{"origin"}}},                                                                        // CORS-CustomOrigin
	"acba4595-bd28-49b8-b9fe-13317c0390fa": {headers: selection{only: []string{"user-agent", "referer"}}},                                                         // UserAgentRefererHeaders
}

var managedResponse = map[string]responsePolicy{
	"67f7725c-6f97-4210-82d7-5512b31e9d03": {set: []headerRule{ // SecurityHeadersPolicy
		{"Strict-Transport-Security", "max-age=31536000", false},
		{"X-Content-Type-Options", "nosniff", true},
		{"X-Frame-Options", "SAMEORIGIN", false},
		{"X-Xss-Protection", "1; mode=block", false},
		{"Referrer-Policy", "strict-origin-when-cross-origin", false},
	}},
}

// named are the parts of a policy that make no difference.
type named struct{ Name, Comment any }

// keyed is the part of a policy that selects, as the templates write it.
type keyed struct {
	HeadersConfig struct {
		HeaderBehavior string
		Headers        []string
	}
	CookiesConfig struct {
		CookieBehavior string
		Cookies        []string
	}
	QueryStringsConfig struct {
		QueryStringBehavior string
		QueryStrings        []string
	}
}

func readCachePolicy(r template.Resource) (cachePolicy, error) {
	var v struct {
		CachePolicyConfig struct {
			named
			MinTTL, MaxTTL, DefaultTTL               *float64
			ParametersInCacheKeyAndForwardedToOrigin struct {
				keyed
				EnableAcceptEncodingGzip, EnableAcceptEncodingBrotli bool
			}
		}
	}
	if err := decode(r, &v); err != nil {
		return cachePolicy{}, err
	}
	c := v.CachePolicyConfig
	p := cachePolicy{gzip: c.ParametersInCacheKeyAndForwardedToOrigin.EnableAcceptEncodingGzip, brotli: c.ParametersInCacheKeyAndForwardedToOrigin.EnableAcceptEncodingBrotli}
	if c.MinTTL == nil || c.MaxTTL == nil || c.DefaultTTL == nil {
		return p, fmt.Errorf("%s: all three TTLs are required", r.Path())
	}
	seconds := func(n float64) time.Duration { return time.Duration(n) * time.Second }
	p.min, p.max, p.normal = seconds(*c.MinTTL), seconds(*c.MaxTTL), seconds(*c.DefaultTTL)
	var err error
	p.headers, p.cookies, p.query, err = c.ParametersInCacheKeyAndForwardedToOrigin.selections()
	if err != nil {
		return p, fmt.Errorf("%s: %w", r.Path(), err)
	}
	if p.headers.all {
		return p, fmt.Errorf("%s: a cache policy names its headers", r.Path())
	}
	for _, h := range p.headers.only {
		if h == "accept-encoding" || slices.Contains(neverKeyed, h) {
			return p, fmt.Errorf("%s: %s cannot be in a cache policy", r.Path(), h)
		}
	}
	if p.disabled() && (p.gzip || p.brotli || !p.headers.none() || !p.cookies.none() || !p.query.none()) {
		return p, fmt.Errorf("%s: with caching disabled (MaxTTL 0) the key must be empty", r.Path())
	}
	return p, nil
}

// neverKeyed are CloudFront's headers that only an origin request policy may add.
var neverKeyed = []string{"cloudfront-viewer-address", "cloudfront-viewer-asn", "cloudfront-viewer-tls", "cloudfront-viewer-ja3-fingerprint"}

func readOriginPolicy(r template.Resource) (originPolicy, error) {
	var v struct {
		OriginRequestPolicyConfig struct {
			named
			keyed
		}
	}
	if err := decode(r, &v); err != nil {
		return originPolicy{}, err
	}
	var p originPolicy
	var err error
	k := v.OriginRequestPolicyConfig
	p.headers, p.cookies, p.query, err = k.selections()
	if err != nil {
		return p, fmt.Errorf("%s: %w", r.Path(), err)
	}
	for _, h := range k.HeadersConfig.Headers {
		if k.HeadersConfig.HeaderBehavior == "allExcept" {
			break
		}
		lower := strings.ToLower(h)
		if lower == "authorization" || lower == "accept-encoding" {
			return p, fmt.Errorf("%s: %s cannot be named in an origin request policy", r.Path(), h)
		}
		if strings.HasPrefix(lower, "cloudfront-") {
			if _, err := ownHeader(h, viewer{}); err != nil {
				return p, fmt.Errorf("%s: %w", r.Path(), err)
			}
			p.adds = append(p.adds, http.CanonicalHeaderKey(h))
		}
	}
	return p, nil
}

// selections reads what is selected. In an origin request policy "allViewer…"
// means all that the viewer sent.
func (k keyed) selections() (headers, cookies, query selection, err error) {
	lower := make([]string, 0, len(k.HeadersConfig.Headers))
	for _, h := range k.HeadersConfig.Headers {
		lower = append(lower, strings.ToLower(h))
	}
	if len(lower) > 10 {
		return headers, cookies, query, fmt.Errorf("%d headers are named, and ten are allowed", len(lower))
	}
	if headers, err = selected(k.HeadersConfig.HeaderBehavior, lower); err != nil {
		return headers, cookies, query, err
	}
	if cookies, err = selected(k.CookiesConfig.CookieBehavior, k.CookiesConfig.Cookies); err != nil {
		return headers, cookies, query, err
	}
	query, err = selected(k.QueryStringsConfig.QueryStringBehavior, k.QueryStringsConfig.QueryStrings)
	return headers, cookies, query, err
}

func selected(behavior string, names []string) (selection, error) {
	switch behavior {
	case "none":
		return selection{}, nil
	case "whitelist":
		return selection{only: names}, nil
	case "all", "allViewer", "allViewerAndWhitelistCloudFront":
		return selection{all: true}, nil
	case "allExcept":
		return selection{all: true, except: names}, nil
	}
	return selection{}, fmt.Errorf("the behavior %q is not known here", behavior)
}

type override struct{ Override bool }

// securityHeaders is a response headers policy's part of that name.
type securityHeaders struct {
	ContentTypeOptions    *override
	ContentSecurityPolicy *struct {
		ContentSecurityPolicy string
		override
	}
	FrameOptions *struct {
		FrameOption string
		override
	}
	ReferrerPolicy *struct {
		ReferrerPolicy string
		override
	}
	StrictTransportSecurity *struct {
		AccessControlMaxAgeSec     int
		IncludeSubdomains, Preload bool
		override
	}
}

func readResponsePolicy(r template.Resource) (responsePolicy, error) {
	var v struct {
		ResponseHeadersPolicyConfig struct {
			named
			CustomHeadersConfig struct {
				Items []struct {
					Header, Value string
					override
				}
			}
			RemoveHeadersConfig   struct{ Items []struct{ Header string } }
			SecurityHeadersConfig securityHeaders
		}
	}
	if err := decode(r, &v); err != nil {
		return responsePolicy{}, err
	}
	c := v.ResponseHeadersPolicyConfig
	p := responsePolicy{set: c.SecurityHeadersConfig.rules()}
	for _, h := range c.CustomHeadersConfig.Items {
		p.set = append(p.set, headerRule{h.Header, h.Value, h.Override})
	}
	for _, h := range c.RemoveHeadersConfig.Items {
		p.remove = append(p.remove, h.Header)
	}
	return p, nil
}

func (s securityHeaders) rules() []headerRule {
	var rules []headerRule
	if h := s.ContentSecurityPolicy; h != nil {
		rules = append(rules, headerRule{"Content-Security-Policy", h.ContentSecurityPolicy, h.Override})
	}
	if h := s.ContentTypeOptions; h != nil {
		rules = append(rules, headerRule{"X-Content-Type-Options", "nosniff", h.Override})
	}
	if h := s.FrameOptions; h != nil {
		rules = append(rules, headerRule{"X-Frame-Options", h.FrameOption, h.Override})
	}
	if h := s.ReferrerPolicy; h != nil {
		rules = append(rules, headerRule{"Referrer-Policy", h.ReferrerPolicy, h.Override})
	}
	if h := s.StrictTransportSecurity; h != nil {
		value := fmt.Sprintf("max-age=%d", h.AccessControlMaxAgeSec)
		if h.IncludeSubdomains {
			value += "; includeSubDomains"
		}
		if h.Preload {
			value += "; preload"
		}
		rules = append(rules, headerRule{"Strict-Transport-Security", value, h.Override})
	}
	return rules
}

func (p *responsePolicy) apply(h http.Header) {
	if p == nil {
		return
	}
	for _, name := range p.remove {
		h.Del(name)
	}
	for _, rule := range p.set {
		if rule.override || h.Get(rule.name) == "" {
			h.Set(rule.name, rule.value)
		}
	}
}
