package cdk

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"

	"wikibot.io/contracts/routes"
)

// headerPolicies are what CloudFront adds to answers, by id.
type headerPolicies struct{ answers, app *string }

// headerPolicies: every answer says that the host, and all hosts below it, are
// asked by HTTPS alone for two years. The app's files, which a bucket sends, are
// given the policy that the one-process fleet sends with them; functions send
// their own.
func (s stack) headerPolicies() headerPolicies {
	secure := &awscloudfront.CfnResponseHeadersPolicy_StrictTransportSecurityProperty{
		AccessControlMaxAgeSec: num(63072000), IncludeSubdomains: yes, Preload: no, Override: yes,
	}
	policy := func(id, name, comment string, headers *awscloudfront.CfnResponseHeadersPolicy_SecurityHeadersConfigProperty) *string {
		return awscloudfront.NewCfnResponseHeadersPolicy(s.scope, str(id), &awscloudfront.CfnResponseHeadersPolicyProps{
			ResponseHeadersPolicyConfig: &awscloudfront.CfnResponseHeadersPolicy_ResponseHeadersPolicyConfigProperty{
				Name: s.name(name), Comment: str(comment), SecurityHeadersConfig: headers,
			},
		}).Ref()
	}
	return headerPolicies{
		answers: policy("AnswerHeaders", "answers", "HTTPS only", &awscloudfront.CfnResponseHeadersPolicy_SecurityHeadersConfigProperty{
			StrictTransportSecurity: secure,
		}),
		app: policy("AppHeaders", "app", "HTTPS only, and the fence around the app", &awscloudfront.CfnResponseHeadersPolicy_SecurityHeadersConfigProperty{
			StrictTransportSecurity: secure,
			ContentTypeOptions:      &awscloudfront.CfnResponseHeadersPolicy_ContentTypeOptionsProperty{Override: yes},
			ContentSecurityPolicy: &awscloudfront.CfnResponseHeadersPolicy_ContentSecurityPolicyProperty{
				ContentSecurityPolicy: str(routes.AppContentSecurityPolicy), Override: yes,
			},
		}),
	}
}
