package cdk

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
)

// firewall refuses addresses that ask too often, before they cost anything. The
// fleet's own limits are per person and token; these are coarse, because many
// people may share an address. It returns nil for a stage without one.
func (s stack) firewall() *string {
	limits := s.stage.Firewall
	if limits == nil {
		return nil
	}
	seen := func(name string) *awswafv2.CfnWebACL_VisibilityConfigProperty {
		return &awswafv2.CfnWebACL_VisibilityConfigProperty{CloudWatchMetricsEnabled: yes, SampledRequestsEnabled: yes, MetricName: s.name(name)}
	}
	rule := func(priority float64, name string, limit float64, only any) *awswafv2.CfnWebACL_RuleProperty {
		return &awswafv2.CfnWebACL_RuleProperty{
			Name: str(name), Priority: num(priority), VisibilityConfig: seen(name),
			Action: &awswafv2.CfnWebACL_RuleActionProperty{Block: &awswafv2.CfnWebACL_BlockActionProperty{
				CustomResponse: &awswafv2.CfnWebACL_CustomResponseProperty{
					ResponseCode:    num(429),
					ResponseHeaders: []any{&awswafv2.CfnWebACL_CustomHTTPHeaderProperty{Name: str("Retry-After"), Value: str("300")}},
				},
			}},
			Statement: &awswafv2.CfnWebACL_StatementProperty{RateBasedStatement: &awswafv2.CfnWebACL_RateBasedStatementProperty{
				AggregateKeyType: str("IP"), Limit: num(limit), EvaluationWindowSec: num(300), ScopeDownStatement: only,
			}},
		}
	}
	signIn := &awswafv2.CfnWebACL_StatementProperty{ByteMatchStatement: &awswafv2.CfnWebACL_ByteMatchStatementProperty{
		FieldToMatch: &awswafv2.CfnWebACL_FieldToMatchProperty{UriPath: map[string]any{}}, PositionalConstraint: str("STARTS_WITH"), SearchString: str("/auth/"),
		TextTransformations: []any{&awswafv2.CfnWebACL_TextTransformationProperty{Priority: num(0), Type: str("NONE")}},
	}}
	return awswafv2.NewCfnWebACL(s.scope, str("Firewall"), &awswafv2.CfnWebACLProps{
		Name: s.name("firewall"), Scope: str("CLOUDFRONT"), VisibilityConfig: seen("firewall"),
		DefaultAction: &awswafv2.CfnWebACL_DefaultActionProperty{Allow: &awswafv2.CfnWebACL_AllowActionProperty{}},
		Rules:         []any{rule(0, "sign-in", limits.SignIn, signIn), rule(1, "requests", limits.Requests, nil)},
	}).AttrArn()
}
