package cdk

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"

	"wikibot.io/contracts/routes"
)

// issuer is what signs the identity of a GitHub workflow's job.
const issuer = "token.actions.githubusercontent.com"

// newDelivery lets workflows of one repository deploy, without a key that could
// be stolen: GitHub signs who a job is, and AWS believes it.
//
// A job that deploys runs in GitHub's environment of the stage's name; which
// branches may do so, and who has to approve, is set there (jobs in an
// environment do not tell AWS their branch).
//
// A job of a pull request may read the templates that are deployed. It may not
// take on the CDK's role for look-ups, which could read every table as well; so
// differences are taken from the templates (cdk diff --method template).
func newDelivery(s stack, d data, e edge) {
	provider := sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:oidc-provider/" + issuer)
	if s.stage.GitHub.CreatesProvider {
		provider = awsiam.NewCfnOIDCProvider(s.scope, str("GitHub"), &awsiam.CfnOIDCProviderProps{
			Url: str("https://" + issuer), ClientIdList: strs("sts.amazonaws.com"),
		}).AttrArn()
	}
	trust := func(job string) statement {
		return statement{
			"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": map[string]any{"Federated": provider},
			"Condition": map[string]any{"StringEquals": map[string]any{
				issuer + ":aud": "sts.amazonaws.com",
				issuer + ":sub": "repo:" + s.stage.GitHub.Repository + ":" + job,
			}},
		}
	}
	stacks := sub("arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/" + s.stage.Prefix() + "-*/*")
	files := awscdk.Fn_Join(str(""), &[]*string{d.app.AttrArn(), str("/app/*")})
	root := awscdk.Fn_Join(str(""), &[]*string{sub("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/"), e.distributions[routes.RootHost]})

	deploy := s.role("DeployRole", "Deploys "+s.stage.Name+" from GitHub", trust("environment:"+s.stage.Name),
		allow([]string{"sts:AssumeRole"}, bootstrapRole("deploy"), bootstrapRole("file-publishing")),
		allow([]string{"cloudformation:DescribeStacks"}, stacks),
		allow([]string{"s3:ListBucket"}, d.app.AttrArn()),
		allow([]string{"s3:DeleteObject", "s3:GetObject", "s3:PutObject"}, files),
		allow([]string{"cloudfront:CreateInvalidation", "cloudfront:GetInvalidation"}, root))
	diff := s.role("DiffRole", "Shows a pull request what it would change on "+s.stage.Name, trust("pull_request"),
		allow([]string{"cloudformation:DescribeStacks", "cloudformation:GetTemplate"}, stacks))

	s.output("DeployRoleArn", "GitHub's variable DEPLOY_ROLE of the environment "+s.stage.Name, deploy.AttrArn())
	s.output("DiffRoleArn", "GitHub's variable DIFF_ROLE", diff.AttrArn())
}

// bootstrapRole is one of the roles that `cdk bootstrap` makes in an account.
func bootstrapRole(purpose string) *string {
	return sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/cdk-" + qualifier + "-" + purpose + "-role-${AWS::AccountId}-${AWS::Region}")
}

// qualifier is the CDK's default qualifier of an account's bootstrap.
const qualifier = "hnb659fds"
