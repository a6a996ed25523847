package cdk

import (
	_ "embed"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"

	"wikibot.io/contracts/routes"
)

// edge is what viewers see: one distribution for the root host, one for all
// wikis.
type edge struct {
	distributions map[routes.HostKind]*string // ids
}

// aliasZone is the hosted zone of every CloudFront distribution.
const aliasZone = "Z2FDTNDATAQYW2"

func newEdge(s stack, d data, f fleet) edge {
	e := painter{
		stack: s, data: d, fleet: f,
		caching: s.cachePolicies(), scripts: s.scripts(), headers: s.headerPolicies(),
		forwarding: s.forwarding(), challenge: s.challenge(),
		bucketAccess: s.bucketAccess(), certificate: s.certificate(), firewall: s.firewall(),
	}
	out := edge{distributions: map[routes.HostKind]*string{}}
	root := e.distribution("Root", routes.RootHost, s.stage.Domain)
	wikis := e.distribution("Wikis", routes.WikiHost, "*."+s.stage.Domain)
	out.distributions[routes.RootHost], out.distributions[routes.WikiHost] = root.Ref(), wikis.Ref()
	s.addresses("Root", s.stage.Domain, root)
	s.addresses("Wikis", "*."+s.stage.Domain, wikis)
	s.readableBy(d.app, root)

	s.output("BaseURL", "The root host", str(s.stage.BaseURL()))
	s.output("RootDistributionId", "The distribution whose cache scripts/deploy clears", root.Ref())
	s.output("WikisDistributionId", "The distribution of the wikis", wikis.Ref())
	return out
}

// certificate is valid for the root host and every wiki. One record proves both.
func (s stack) certificate() *string {
	return awscertificatemanager.NewCfnCertificate(s.scope, str("Certificate"), &awscertificatemanager.CfnCertificateProps{
		DomainName: str(s.stage.Domain), SubjectAlternativeNames: strs("*." + s.stage.Domain), ValidationMethod: str("DNS"),
		DomainValidationOptions: []any{&awscertificatemanager.CfnCertificate_DomainValidationOptionProperty{
			DomainName: str(s.stage.Domain), HostedZoneId: str(s.stage.HostedZone),
		}},
	}).Ref()
}

// addresses points a name at a distribution, over IPv4 and IPv6.
func (s stack) addresses(id, name string, to awscloudfront.CfnDistribution) {
	for _, kind := range []string{"A", "AAAA"} {
		awsroute53.NewCfnRecordSet(s.scope, str(id+"Address"+kind), &awsroute53.CfnRecordSetProps{
			HostedZoneId: str(s.stage.HostedZone), Name: str(name + "."), Type: str(kind),
			AliasTarget: &awsroute53.CfnRecordSet_AliasTargetProperty{DnsName: to.AttrDomainName(), HostedZoneId: str(aliasZone)},
		})
	}
}

// bucketAccess signs CloudFront's requests to the bucket.
func (s stack) bucketAccess() *string {
	return awscloudfront.NewCfnOriginAccessControl(s.scope, str("BucketAccess"), &awscloudfront.CfnOriginAccessControlProps{
		OriginAccessControlConfig: &awscloudfront.CfnOriginAccessControl_OriginAccessControlConfigProperty{
			Name: s.name("app"), OriginAccessControlOriginType: str("s3"), SigningBehavior: str("always"), SigningProtocol: str("sigv4"),
		},
	}).AttrId()
}

// readableBy lets one distribution read the bucket. It may also list it, because
// S3 tells only those who may that a file is missing (404) and not forbidden
// (403); no list can be asked for, since every path that gets there is below
// app/.
func (s stack) readableBy(bucket awss3.CfnBucket, by awscloudfront.CfnDistribution) {
	all := awscdk.Fn_Join(str(""), &[]*string{bucket.AttrArn(), str("/*")})
	from := awscdk.Fn_Join(str(""), &[]*string{sub("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/"), by.Ref()})
	awss3.NewCfnBucketPolicy(s.scope, str("AppBucketPolicy"), &awss3.CfnBucketPolicyProps{
		Bucket: bucket.Ref(),
		PolicyDocument: policy(
			onlyTLS("s3:*", bucket.AttrArn(), all),
			allow([]string{"s3:GetObject"}, all).to(service("cloudfront")).on("StringEquals", "aws:SourceArn", from),
			allow([]string{"s3:ListBucket"}, bucket.AttrArn()).to(service("cloudfront")).on("StringEquals", "aws:SourceArn", from),
		),
	})
}

// painter draws distributions from the table of routes.
type painter struct {
	stack
	data         data
	fleet        fleet
	caching      cachePolicies
	scripts      scripts
	headers      headerPolicies
	forwarding   *string
	challenge    *string // version of the function that puts challenges back
	bucketAccess *string
	certificate  *string
	firewall     *string // nil without one
}

// distribution answers the hosts of one kind. Its behaviours are the routes of
// that kind in their order; a route that takes every path is its default.
func (p painter) distribution(id string, kind routes.HostKind, host string) awscloudfront.CfnDistribution {
	var behaviours []any
	var last *awscloudfront.CfnDistribution_DefaultCacheBehaviorProperty
	used := map[routes.Service]bool{}
	for _, r := range routes.Table {
		if r.Host != kind {
			continue
		}
		used[r.Service] = true
		if r.Pattern == "/*" {
			last = asDefault(p.behaviour(r))
			break // no path gets past it
		}
		behaviours = append(behaviours, p.behaviour(r))
	}
	if last == nil {
		last = p.nothing()
		used[routes.App] = true
	}
	config := &awscloudfront.CfnDistribution_DistributionConfigProperty{
		Comment: str("wikibot " + p.stage.Name + ": " + host), Enabled: yes,
		Aliases: strs(host), HttpVersion: str("http2and3"), Ipv6Enabled: yes, PriceClass: str("PriceClass_100"),
		Origins: p.origins(slices.Sorted(maps.Keys(used))), CacheBehaviors: behaviours, DefaultCacheBehavior: last,
		CustomErrorResponses: errorsAreNotKept(),
		ViewerCertificate: &awscloudfront.CfnDistribution_ViewerCertificateProperty{
			AcmCertificateArn: p.certificate, MinimumProtocolVersion: str("TLSv1.2_2021"), SslSupportMethod: str("sni-only"),
		},
		WebAclId: p.firewall,
	}
	return awscloudfront.NewCfnDistribution(p.scope, str(id), &awscloudfront.CfnDistributionProps{DistributionConfig: config})
}

// errorsAreNotKept undoes what CloudFront does with errors unless it is told not
// to: it repeats them for ten seconds, whatever their Cache-Control says, so that
// a page would seem missing after it was saved.
func errorsAreNotKept() []any {
	var out []any
	for _, code := range []float64{400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504} {
		out = append(out, &awscloudfront.CfnDistribution_CustomErrorResponseProperty{ErrorCode: num(code), ErrorCachingMinTtl: num(0)})
	}
	return out
}

// origins are the function URLs, and the bucket.
func (p painter) origins(of []routes.Service) []any {
	var out []any
	for _, s := range of {
		origin := &awscloudfront.CfnDistribution_OriginProperty{Id: str(string(s))}
		if s == routes.App {
			origin.DomainName = p.data.app.AttrRegionalDomainName()
			origin.OriginAccessControlId = p.bucketAccess
			origin.S3OriginConfig = &awscloudfront.CfnDistribution_S3OriginConfigProperty{OriginAccessIdentity: str("")}
		} else {
			// https://HOST/
			origin.DomainName = awscdk.Fn_Select(num(2), awscdk.Fn_Split(str("/"), p.fleet.urls[s], nil))
			origin.CustomOriginConfig = &awscloudfront.CfnDistribution_CustomOriginConfigProperty{
				OriginProtocolPolicy: str("https-only"), OriginSslProtocols: strs("TLSv1.2"),
				OriginReadTimeout: num(60), OriginKeepaliveTimeout: num(60),
			}
			origin.OriginCustomHeaders = []any{&awscloudfront.CfnDistribution_OriginCustomHeaderProperty{
				HeaderName: str("X-Wikibot-Edge"), HeaderValue: str(p.stage.EdgeKey.sent()),
			}}
		}
		out = append(out, origin)
	}
	return out
}
