package cdk

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"

	"wikibot.io/contracts/routes"
)

var (
	anyMethod  = strs("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE")
	readMethod = strs("GET", "HEAD")
)

// behaviour is one route as CloudFront spells it. Its patterns mean what ours
// do: an asterisk takes any rest, and nothing else is special.
func (p painter) behaviour(r routes.Route) *awscloudfront.CfnDistribution_CacheBehaviorProperty {
	b := &awscloudfront.CfnDistribution_CacheBehaviorProperty{
		PathPattern: str(r.Pattern), TargetOriginId: str(string(r.Service)), ViewerProtocolPolicy: str("redirect-to-https"),
		AllowedMethods: anyMethod, CachedMethods: readMethod, CachePolicyId: p.caching.of(r), Compress: yes,
		ResponseHeadersPolicyId: p.headers.answers,
	}
	if r.Service == routes.App {
		b.AllowedMethods = readMethod
		b.FunctionAssociations = p.before(p.scripts.app)
		b.ResponseHeadersPolicyId = p.headers.app
		return b
	}
	b.FunctionAssociations = p.before(p.scripts.host)
	if r.Cache == routes.Immutable {
		b.AllowedMethods = readMethod
		return b // and nothing of who asks is sent on
	}
	b.OriginRequestPolicyId = p.forwarding
	if challenges(r) {
		b.LambdaFunctionAssociations = []any{&awscloudfront.CfnDistribution_LambdaFunctionAssociationProperty{
			EventType: str("origin-response"), LambdaFunctionArn: p.challenge,
		}}
	}
	return b
}

// challenges reports whether a route may answer 401 with a challenge: all on the
// wikis' hosts do. On the root host nobody shows a token.
func challenges(r routes.Route) bool { return r.Host == routes.WikiHost }

func (p painter) before(script *string) []any {
	return []any{&awscloudfront.CfnDistribution_FunctionAssociationProperty{EventType: str("viewer-request"), FunctionArn: script}}
}

// nothing answers 404 on a host none of whose routes takes every path. No
// request of its gets as far as its origin.
func (p painter) nothing() *awscloudfront.CfnDistribution_DefaultCacheBehaviorProperty {
	return &awscloudfront.CfnDistribution_DefaultCacheBehaviorProperty{
		TargetOriginId: str(string(routes.App)), ViewerProtocolPolicy: str("redirect-to-https"),
		AllowedMethods: anyMethod, CachedMethods: readMethod, CachePolicyId: p.caching.noStore, Compress: yes,
		FunctionAssociations: p.before(p.scripts.nothing), ResponseHeadersPolicyId: p.headers.answers,
	}
}

// asDefault is a behaviour without its pattern.
func asDefault(b *awscloudfront.CfnDistribution_CacheBehaviorProperty) *awscloudfront.CfnDistribution_DefaultCacheBehaviorProperty {
	return &awscloudfront.CfnDistribution_DefaultCacheBehaviorProperty{
		TargetOriginId: b.TargetOriginId, ViewerProtocolPolicy: b.ViewerProtocolPolicy,
		AllowedMethods: b.AllowedMethods, CachedMethods: b.CachedMethods, CachePolicyId: b.CachePolicyId, Compress: b.Compress,
		FunctionAssociations: b.FunctionAssociations, LambdaFunctionAssociations: b.LambdaFunctionAssociations,
		OriginRequestPolicyId: b.OriginRequestPolicyId, ResponseHeadersPolicyId: b.ResponseHeadersPolicyId,
	}
}

type cachePolicies struct{ noStore, originDecides, immutable, files *string }

// of is the policy of a route. The app's files lie in a bucket that sends their
// own Cache-Control and is told nothing of the viewer, whatever the table says.
func (c cachePolicies) of(r routes.Route) *string {
	switch {
	case r.Service == routes.App:
		return c.files
	case r.Cache == routes.Immutable:
		return c.immutable
	case r.Cache == routes.OriginDecides:
		return c.originDecides
	default:
		return c.noStore
	}
}

// cachePolicies says what CloudFront may keep and what tells two requests apart.
//
// The rule that keeps a private page out of a stranger's browser: what an origin
// is told about the viewer is part of the key. Under OriginDecides that is the
// host, the query, all cookies and Authorization, so an answer can only ever be
// given to whoever shows the same cookies and token (an anonymous reader: none)
// at the same address. Under Immutable the origin is told neither cookies nor
// token, so it cannot answer with anything private. Under NoStore nothing is
// kept, so everything may be told.
//
// Nothing is kept for longer than its Cache-Control says (no policy has a
// minimum), and what has none is not kept at all. The wiki marks what is not
// public "private, no-cache", which CloudFront does not store: that alone would
// do, and the key alone would do.
//
// Accept is not in the key: it decides about error pages only, and errors are
// not kept. Vary would be of no help, CloudFront does not read it.
func (s stack) cachePolicies() cachePolicies {
	none := str("none")
	nothing := &awscloudfront.CfnCachePolicy_CookiesConfigProperty{CookieBehavior: none}
	keep := func(id, name, comment string, longest float64, key *awscloudfront.CfnCachePolicy_ParametersInCacheKeyAndForwardedToOriginProperty) *string {
		return awscloudfront.NewCfnCachePolicy(s.scope, str(id), &awscloudfront.CfnCachePolicyProps{
			CachePolicyConfig: &awscloudfront.CfnCachePolicy_CachePolicyConfigProperty{
				Name: s.name(name), Comment: str(comment), MinTtl: num(0), DefaultTtl: num(0), MaxTtl: num(longest),
				ParametersInCacheKeyAndForwardedToOrigin: key,
			},
		}).Ref()
	}
	const year = 31536000
	return cachePolicies{
		noStore: keep("NoStore", "no-store", "Keeps nothing", 0,
			&awscloudfront.CfnCachePolicy_ParametersInCacheKeyAndForwardedToOriginProperty{
				CookiesConfig: nothing, EnableAcceptEncodingGzip: no, EnableAcceptEncodingBrotli: no,
				HeadersConfig:      &awscloudfront.CfnCachePolicy_HeadersConfigProperty{HeaderBehavior: none},
				QueryStringsConfig: &awscloudfront.CfnCachePolicy_QueryStringsConfigProperty{QueryStringBehavior: none},
			}),
		originDecides: keep("OriginDecides", "origin-decides", "Keeps what the origin calls public, apart for every viewer who shows something", year,
			&awscloudfront.CfnCachePolicy_ParametersInCacheKeyAndForwardedToOriginProperty{
				CookiesConfig:            &awscloudfront.CfnCachePolicy_CookiesConfigProperty{CookieBehavior: str("all")},
				EnableAcceptEncodingGzip: yes, EnableAcceptEncodingBrotli: no,
				HeadersConfig:      &awscloudfront.CfnCachePolicy_HeadersConfigProperty{HeaderBehavior: str("whitelist"), Headers: strs("Authorization", "X-Forwarded-Host")},
				QueryStringsConfig: &awscloudfront.CfnCachePolicy_QueryStringsConfigProperty{QueryStringBehavior: str("all")},
			}),
		immutable: keep("Immutable", "immutable", "Keeps files that are the same for everybody", year,
			&awscloudfront.CfnCachePolicy_ParametersInCacheKeyAndForwardedToOriginProperty{
				CookiesConfig: nothing, EnableAcceptEncodingGzip: yes, EnableAcceptEncodingBrotli: yes,
				HeadersConfig:      &awscloudfront.CfnCachePolicy_HeadersConfigProperty{HeaderBehavior: str("whitelist"), Headers: strs("X-Forwarded-Host")},
				QueryStringsConfig: &awscloudfront.CfnCachePolicy_QueryStringsConfigProperty{QueryStringBehavior: none},
			}),
		files: keep("AppFiles", "app-files", "Keeps the app's files as long as each says", year,
			&awscloudfront.CfnCachePolicy_ParametersInCacheKeyAndForwardedToOriginProperty{
				CookiesConfig: nothing, EnableAcceptEncodingGzip: yes, EnableAcceptEncodingBrotli: yes,
				HeadersConfig:      &awscloudfront.CfnCachePolicy_HeadersConfigProperty{HeaderBehavior: none},
				QueryStringsConfig: &awscloudfront.CfnCachePolicy_QueryStringsConfigProperty{QueryStringBehavior: none},
			}),
	}
}

// forwarding sends everything on but Host, which function URLs need to be their
// own.
func (s stack) forwarding() *string {
	return awscloudfront.NewCfnOriginRequestPolicy(s.scope, str("Forwarding"), &awscloudfront.CfnOriginRequestPolicyProps{
		OriginRequestPolicyConfig: &awscloudfront.CfnOriginRequestPolicy_OriginRequestPolicyConfigProperty{
			Name: s.name("all-but-host"), Comment: str("Everything that the viewer sent, but for Host"),
			CookiesConfig:      &awscloudfront.CfnOriginRequestPolicy_CookiesConfigProperty{CookieBehavior: str("all")},
			HeadersConfig:      &awscloudfront.CfnOriginRequestPolicy_HeadersConfigProperty{HeaderBehavior: str("allExcept"), Headers: strs("Host")},
			QueryStringsConfig: &awscloudfront.CfnOriginRequestPolicy_QueryStringsConfigProperty{QueryStringBehavior: str("all")},
		},
	}).Ref()
}
