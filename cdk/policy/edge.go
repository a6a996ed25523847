package policy

import (
	"slices"
	"strings"

	"wikibot.io/contracts/routes"
)

// behaviour is one way of a distribution to answer.
type behaviour struct {
	of      *Resource
	pattern string // "" is the default
	object
}

// behaviours lists those of a distribution in the order that it tries them.
func behaviours(d *Resource) []behaviour {
	config := child(d.Props, "DistributionConfig")
	var out []behaviour
	for _, b := range objects(config["CacheBehaviors"]) {
		out = append(out, behaviour{d, text(b["PathPattern"]), b})
	}
	return append(out, behaviour{d, "", child(config, "DefaultCacheBehavior")})
}

// distribution finds the one that answers hosts of a kind.
func (s *Stage) distribution(kind routes.HostKind) *Resource {
	for _, d := range s.of("AWS::CloudFront::Distribution") {
		wild := strings.HasPrefix(flat(child(d.Props, "DistributionConfig")["Aliases"]), `["*.`)
		if wild == (kind == routes.WikiHost) {
			return d
		}
	}
	return nil
}

func routed(s *Stage) []string {
	var f faults
	for _, kind := range []routes.HostKind{routes.RootHost, routes.WikiHost} {
		d := s.distribution(kind)
		if d == nil {
			f = append(f, "there is no distribution of "+string(kind))
			continue
		}
		f.want(s.originsMatch(d), d, "has origins that are not the functions' URLs, or does not show them the edge's key")
		f.routes(s, d, kind)
	}
	return f
}

// routes holds a distribution's behaviours against the table, row by row.
func (f *faults) routes(s *Stage, d *Resource, kind routes.HostKind) {
	got := behaviours(d)
	for _, r := range routes.Table {
		if r.Host != kind {
			continue
		}
		pattern := r.Pattern
		if pattern == "/*" {
			pattern = ""
		}
		if len(got) == 0 || got[0].pattern != pattern {
			f.add(d, "has no behaviour for %s where the table has it", r.Pattern)
			return
		}
		b := got[0]
		got = got[1:]
		f.want(text(b.object["TargetOriginId"]) == string(r.Service), d, "sends %s to %v", r.Pattern, b.object["TargetOriginId"])
		cache := child(s.policyOf(b, "CachePolicyId"), "CachePolicyConfig")
		f.want((number(cache["MaxTTL"]) > 0) == (r.Cache != routes.NoStore), d, "keeps answers of %s for %v seconds", r.Pattern, cache["MaxTTL"])
		f.want((r.Service == routes.App) == (s.scriptOf(b) == "AppScript"), d, "runs %q before %s", s.scriptOf(b), r.Pattern)
		f.want(r.Service == routes.App || s.scriptOf(b) == "HostScript", d, "does not tell %s's function the host", r.Pattern)
		repaired := strings.Contains(flat(b.object["LambdaFunctionAssociations"]), "origin-response")
		f.want(repaired == (kind == routes.WikiHost && r.Cache != routes.Immutable), d, "repairs challenges of %s: %v", r.Pattern, repaired)
		if pattern == "" {
			f.want(len(got) == 0, d, "has behaviours that nothing gets to")
			return
		}
	}
	f.want(len(got) == 1 && got[0].pattern == "" && s.scriptOf(got[0]) == "NothingScript", d, "does not answer 404 to what no route takes")
}

// originsMatch: an origin's id is the service whose function it leads to, and
// every function is shown the edge's key.
func (s *Stage) originsMatch(d *Resource) bool {
	for _, origin := range objects(child(d.Props, "DistributionConfig")["Origins"]) {
		id := text(origin["Id"])
		if id == string(routes.App) {
			continue
		}
		header := objects(origin["OriginCustomHeaders"])
		keyed := len(header) == 1 && text(header[0]["HeaderName"]) == "X-Wikibot-Edge" && strings.HasPrefix(text(header[0]["HeaderValue"]), "{{resolve:secretsmanager:")
		leads := slices.ContainsFunc(s.of("AWS::Lambda::Url"), func(url *Resource) bool {
			fn := s.target(url.Stack, url.Props["TargetFunctionArn"])
			return fn != nil && string(service(fn)) == id && s.refersTo(d.Stack, origin["DomainName"], url)
		})
		if !keyed || !leads {
			return false
		}
	}
	return true
}

// policyOf is the properties of the policy that a behaviour names.
func (s *Stage) policyOf(b behaviour, key string) object {
	if r := s.target(b.of.Stack, b.object[key]); r != nil {
		return r.Props
	}
	return nil
}

// scriptOf is the logical id of the CloudFront Function before a behaviour.
func (s *Stage) scriptOf(b behaviour) string {
	for _, a := range objects(b.object["FunctionAssociations"]) {
		if r := s.target(b.of.Stack, a["FunctionARN"]); r != nil && text(a["EventType"]) == "viewer-request" {
			return r.ID
		}
	}
	return ""
}

// privatePages: whatever is kept for longer than a moment is kept under a key
// that has everything in it that the origin was told about the viewer.
func privatePages(s *Stage) []string {
	var f faults
	for _, d := range s.of("AWS::CloudFront::Distribution") {
		for _, b := range behaviours(d) {
			cache := child(s.policyOf(b, "CachePolicyId"), "CachePolicyConfig")
			f.want(cache != nil, d, "has no cache policy of ours for %q", b.pattern)
			f.want(number(cache["MinTTL"]) == 0 && number(cache["DefaultTTL"]) == 0, d, "keeps what %q did not say may be kept", b.pattern)
			if number(cache["MaxTTL"]) == 0 {
				continue
			}
			key := child(cache, "ParametersInCacheKeyAndForwardedToOrigin")
			headers := child(key, "HeadersConfig")["Headers"]
			isFunction := text(b.object["TargetOriginId"]) != string(routes.App)
			f.want(!isFunction || slices.Contains(texts(headers), "X-Forwarded-Host"), d, "mixes up the hosts of %q", b.pattern)
			if b.object["OriginRequestPolicyId"] == nil {
				continue // the origin is told what is in the key, and no more
			}
			f.want(slices.Contains(texts(headers), "Authorization"), d, "gives the answer to one token of %q to others", b.pattern)
			f.want(text(child(key, "CookiesConfig")["CookieBehavior"]) == "all", d, "gives the answer to one session of %q to others", b.pattern)
			f.want(text(child(key, "QueryStringsConfig")["QueryStringBehavior"]) == "all", d, "mixes up the queries of %q", b.pattern)
		}
	}
	return f
}

func errorsNotKept(s *Stage) []string {
	var f faults
	for _, d := range s.of("AWS::CloudFront::Distribution") {
		kept := map[float64]bool{404: true, 405: true, 414: true, 500: true, 501: true, 502: true, 503: true, 504: true}
		for _, e := range objects(child(d.Props, "DistributionConfig")["CustomErrorResponses"]) {
			if ttl, said := e["ErrorCachingMinTTL"]; said && ttl == 0.0 {
				delete(kept, number(e["ErrorCode"]))
			}
			f.want(e["ResponsePagePath"] == nil, d, "turns errors of the API into pages")
		}
		f.want(len(kept) == 0, d, "keeps errors for ten seconds: %v", kept)
	}
	return f
}

func onlyTLS(s *Stage) []string {
	var f faults
	for _, d := range s.of("AWS::CloudFront::Distribution") {
		config := child(d.Props, "DistributionConfig")
		f.want(text(child(config, "ViewerCertificate")["MinimumProtocolVersion"]) == "TLSv1.2_2021", d, "speaks older TLS than 1.2")
		for _, b := range behaviours(d) {
			f.want(text(b.object["ViewerProtocolPolicy"]) == "redirect-to-https", d, "answers %q over HTTP", b.pattern)
		}
		for _, origin := range objects(config["Origins"]) {
			custom := child(origin, "CustomOriginConfig")
			f.want(custom == nil || text(custom["OriginProtocolPolicy"]) == "https-only" && same(custom["OriginSSLProtocols"], []any{"TLSv1.2"}), d, "calls %v over HTTP or older TLS", origin["Id"])
		}
	}
	for _, bucket := range s.of("AWS::S3::Bucket") {
		closed := slices.ContainsFunc(s.of("AWS::S3::BucketPolicy"), func(p *Resource) bool {
			return s.target(p.Stack, p.Props["Bucket"]) == bucket && deniesPlain(p)
		})
		f.want(closed, bucket, "answers over plain connections")
	}
	for _, r := range append(s.of("AWS::EFS::FileSystem"), s.of("AWS::SNS::TopicPolicy")...) {
		f.want(deniesPlain(r), r, "takes plain connections")
	}
	return f
}

// outputs are what scripts/deploy, scripts/redrive and GitHub's variables read.
func outputs(s *Stage) []string {
	var f faults
	for _, key := range []string{
		"data/AppBucketName", "data/BusName", "edge/BaseURL", "edge/RootDistributionId", "edge/WikisDistributionId",
		"operations/AlarmsTopicArn", "delivery/DeployRoleArn", "delivery/DiffRoleArn",
	} {
		if s.outputs[key] == nil {
			f = append(f, "there is no output "+key)
		}
	}
	return f
}
