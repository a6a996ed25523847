package template

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// kind says what resources of a type are called. The templates in it know
// {name}, {region}, {account} and {hash} (hex digits that the resource alone
// has); attributes not listed are unknown, unless Options.Attribute knows them.
type kind struct {
	named string            // the property that may give the name
	name  string            // the default name; "" is stack-logicalid
	ref   string            // what Ref gives; "" is the name
	arn   string            // "" is none
	attrs map[string]string // besides Arn
	// refOfOther: Ref names another resource, so Find must not answer with this one.
	refOfOther bool
}

const (
	arnName = "{arn}"
	inS3    = "{name}.s3.{region}.amazonaws.com"
)

// kinds follow the "Return values" of each type's page in the CloudFormation
// template reference.
var kinds = map[string]kind{
	"AWS::DynamoDB::Table": {named: "TableName", arn: "arn:aws:dynamodb:{region}:{account}:table/{name}",
		attrs: map[string]string{"StreamArn": "{arn}/stream/2026-01-01T00:00:00.000"}},
	"AWS::DynamoDB::GlobalTable": {named: "TableName", arn: "arn:aws:dynamodb:{region}:{account}:table/{name}",
		attrs: map[string]string{"StreamArn": "{arn}/stream/2026-01-01T00:00:00.000", "TableId": "{uuid}"}},

	"AWS::Lambda::Function":           {named: "FunctionName", arn: "arn:aws:lambda:{region}:{account}:function:{name}"},
	"AWS::Lambda::EventSourceMapping": {name: "{uuid}", arn: "arn:aws:lambda:{region}:{account}:event-source-mapping:{name}", attrs: map[string]string{"Id": "{name}"}},
	"AWS::Lambda::LayerVersion":       {named: "LayerName", ref: arnName, arn: "arn:aws:lambda:{region}:{account}:layer:{name}:1"},

	"AWS::SQS::Queue": {named: "QueueName", ref: "https://sqs.{region}.amazonaws.com/{account}/{name}", arn: "arn:aws:sqs:{region}:{account}:{name}",
		attrs: map[string]string{"QueueName": "{name}", "QueueUrl": "{ref}"}},
	"AWS::SNS::Topic": {named: "TopicName", ref: arnName, arn: "arn:aws:sns:{region}:{account}:{name}",
		attrs: map[string]string{"TopicName": "{name}", "TopicArn": arnName}},
	"AWS::Events::EventBus": {named: "Name", arn: "arn:aws:events:{region}:{account}:event-bus/{name}", attrs: map[string]string{"Name": "{name}"}},
	"AWS::Events::Rule":     {named: "Name"}, // the rest depends on its bus
	"AWS::Events::Archive":  {named: "ArchiveName", arn: "arn:aws:events:{region}:{account}:archive/{name}"},

	"AWS::SecretsManager::Secret": {named: "Name", ref: arnName, arn: "arn:aws:secretsmanager:{region}:{account}:secret:{name}-{hash:6}",
		attrs: map[string]string{"Id": arnName}},
	"AWS::KMS::Key":       {name: "{uuid}", arn: "arn:aws:kms:{region}:{account}:key/{name}", attrs: map[string]string{"KeyId": "{name}"}},
	"AWS::SSM::Parameter": {named: "Name", arn: "arn:aws:ssm:{region}:{account}:parameter/{name}"},

	"AWS::S3::Bucket": {named: "BucketName", name: "{lower}", arn: "arn:aws:s3:::{name}", attrs: map[string]string{
		"DomainName": "{name}.s3.amazonaws.com", "RegionalDomainName": inS3, "DualStackDomainName": "{name}.s3.dualstack.{region}.amazonaws.com",
		"WebsiteURL": "http://{name}.s3-website-{region}.amazonaws.com"}},
	"AWS::EFS::FileSystem": {name: "fs-{hash:17}", arn: "arn:aws:elasticfilesystem:{region}:{account}:file-system/{name}",
		attrs: map[string]string{"FileSystemId": "{name}"}},
	"AWS::EFS::AccessPoint": {name: "fsap-{hash:17}", arn: "arn:aws:elasticfilesystem:{region}:{account}:access-point/{name}",
		attrs: map[string]string{"AccessPointId": "{name}"}},
	"AWS::EFS::MountTarget": {name: "fsmt-{hash:17}", attrs: map[string]string{"Id": "{name}"}},

	"AWS::IAM::Role":          {named: "RoleName", arn: "arn:aws:iam::{account}:role/{name}", attrs: map[string]string{"RoleId": "AROA{hash:17}"}},
	"AWS::IAM::ManagedPolicy": {named: "ManagedPolicyName", ref: arnName, arn: "arn:aws:iam::{account}:policy/{name}", attrs: map[string]string{"PolicyArn": arnName}},
	"AWS::IAM::OIDCProvider":  {ref: arnName, arn: "arn:aws:iam::{account}:oidc-provider/{name}"},

	"AWS::CloudFront::Distribution": {name: "E{hash:13}", arn: "arn:aws:cloudfront::{account}:distribution/{name}",
		attrs: map[string]string{"Id": "{name}", "DomainName": "d{hash:13}.cloudfront.net"}},
	"AWS::CloudFront::Function": {named: "Name", ref: arnName, arn: "arn:aws:cloudfront::{account}:function/{name}",
		attrs: map[string]string{"FunctionARN": arnName, "FunctionMetadata.FunctionARN": arnName, "Stage": "LIVE"}},
	"AWS::CloudFront::CachePolicy":           {name: "{uuid}", attrs: map[string]string{"Id": "{name}"}},
	"AWS::CloudFront::OriginRequestPolicy":   {name: "{uuid}", attrs: map[string]string{"Id": "{name}"}},
	"AWS::CloudFront::ResponseHeadersPolicy": {name: "{uuid}", attrs: map[string]string{"Id": "{name}"}},
	"AWS::CloudFront::OriginAccessControl":   {name: "E{hash:13}", attrs: map[string]string{"Id": "{name}"}},

	"AWS::CertificateManager::Certificate": {name: "{uuid}", ref: arnName, arn: "arn:aws:acm:{region}:{account}:certificate/{name}"},
	"AWS::WAFv2::WebACL": {named: "Name", ref: "{name}|{uuid}|CLOUDFRONT", arn: "arn:aws:wafv2:{region}:{account}:global/webacl/{name}/{uuid}",
		attrs: map[string]string{"Id": "{uuid}"}},
	"AWS::Route53::HostedZone": {name: "Z{hash:13}", arn: "arn:aws:route53:::hostedzone/{name}", attrs: map[string]string{"Id": "{name}"}},

	"AWS::EC2::VPC": {name: "vpc-{hash:17}", arn: "arn:aws:ec2:{region}:{account}:vpc/{name}", attrs: map[string]string{"VpcId": "{name}",
		"DefaultSecurityGroup": "sg-{hash:17}", "DefaultNetworkAcl": "acl-{hash:17}"}},
	"AWS::EC2::Subnet":        {name: "subnet-{hash:17}", arn: "arn:aws:ec2:{region}:{account}:subnet/{name}", attrs: map[string]string{"SubnetId": "{name}"}},
	"AWS::EC2::SecurityGroup": {name: "sg-{hash:17}", arn: "arn:aws:ec2:{region}:{account}:security-group/{name}", attrs: map[string]string{"GroupId": "{name}", "Id": "{name}"}},
	"AWS::EC2::RouteTable":    {name: "rtb-{hash:17}", attrs: map[string]string{"RouteTableId": "{name}"}},
	"AWS::EC2::VPCEndpoint":   {name: "vpce-{hash:17}", attrs: map[string]string{"Id": "{name}"}},

	"AWS::Logs::LogGroup":     {named: "LogGroupName", arn: "arn:aws:logs:{region}:{account}:log-group:{name}:*"},
	"AWS::CloudWatch::Alarm":  {named: "AlarmName", arn: "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"},
	"AWS::Backup::BackupPlan": {name: "{uuid}", arn: "arn:aws:backup:{region}:{account}:backup-plan:{name}", attrs: map[string]string{"BackupPlanId": "{name}", "BackupPlanArn": arnName}},
	"AWS::Backup::BackupVault": {named: "BackupVaultName", arn: "arn:aws:backup:{region}:{account}:backup-vault:{name}",
		attrs: map[string]string{"BackupVaultName": "{name}", "BackupVaultArn": arnName}},
}

// identify gives the resource its name, Ref and ARN, and lists all that it is
// called by.
func (l *loader) identify(r *resolved) {
	k := kinds[r.Type]
	if r.name == "" && k.named != "" {
		r.name, _ = r.Properties[k.named].(string)
	}
	if r.name == "" {
		name := k.name
		if name == "" {
			name = "{own}"
		}
		r.name = l.expand(r, name)
	}
	switch r.Type { // what the table cannot say
	case "AWS::Lambda::Url":
		function := text(r.Properties["TargetFunctionArn"])
		k = kind{ref: function, attrs: map[string]string{"FunctionArn": function, "FunctionUrl": urlOf("{hash:32}")}, refOfOther: true}
		r.called = append(r.called, l.expand(r, urlOf("{hash:32}")), l.expand(r, urlDomain("{hash:32}")))
	case "AWS::Lambda::Version", "AWS::Lambda::Alias":
		k = l.versioned(r)
	case "AWS::Events::Rule":
		k = kind{arn: "arn:aws:events:{region}:{account}:rule/{name}"}
		if bus := text(r.Properties["EventBusName"]); bus != "" && bus != "default" {
			bus = bus[strings.LastIndex(bus, "/")+1:]
			k.ref, k.arn = bus+"|{name}", "arn:aws:events:{region}:{account}:rule/"+bus+"/{name}"
		}
	}
	r.arn = l.expand(r, k.arn)
	r.ref = r.name
	if k.ref != "" {
		r.ref = l.expand(r, k.ref)
	}
	r.attrs = k.attrs
	r.called = append(r.called, r.name, r.arn)
	if !k.refOfOther && r.ref != r.name && r.ref != r.arn {
		r.called = append(r.called, r.ref)
	}
	for _, attr := range []string{"DomainName", "RegionalDomainName", "StreamArn", "QueueUrl"} {
		if v, err := l.attribute(r, attr); err == nil {
			if s := text(v); s != r.name && s != r.ref {
				r.called = append(r.called, s)
			}
		}
	}
}

// versioned identifies a function's version or alias by its function's ARN.
func (l *loader) versioned(r *resolved) kind {
	function := text(r.Properties["FunctionName"])
	if !strings.HasPrefix(function, "arn:") {
		function = l.expand(r, "arn:aws:lambda:{region}:{account}:function:") + function
	}
	if r.Type == "AWS::Lambda::Version" {
		return kind{ref: function + ":1", arn: function + ":1", attrs: map[string]string{"Version": "1", "FunctionArn": function + ":1"}}
	}
	alias := function + ":" + text(r.Properties["Name"])
	return kind{ref: alias, arn: alias, attrs: map[string]string{"AliasArn": alias}}
}

func urlDomain(id string) string { return id + ".lambda-url.{region}.on.aws" }
func urlOf(id string) string     { return "https://" + urlDomain(id) + "/" }

// attribute answers Fn::GetAtt.
func (l *loader) attribute(r *resolved, name string) (any, error) {
	if l.Attribute != nil {
		if v, err := l.Attribute(r.Resource, name); v != nil || err != nil {
			return v, err
		}
	}
	if name == "Arn" && r.arn != "" {
		return r.arn, nil
	}
	if v, ok := r.attrs[name]; ok {
		return l.expand(r, v), nil
	}
	return nil, fmt.Errorf("the attribute of %s is not known here", r.Type)
}

// expand fills in a kind's template.
func (l *loader) expand(r *resolved, s string) string {
	own := r.Stack + "-" + r.LogicalID
	sum := sha256.Sum256([]byte(own))
	digits := hex.EncodeToString(sum[:])
	return strings.NewReplacer(
		"{own}", own, "{lower}", strings.ToLower(own), "{name}", r.name, "{ref}", r.ref, "{arn}", r.arn,
		"{region}", l.Region, "{account}", l.Account, "{uuid}", uuid(own),
		"{hash:6}", digits[:6], "{hash:13}", strings.ToUpper(digits[:13]), "{hash:17}", digits[:17], "{hash:32}", digits[:32],
	).Replace(s)
}

// uuid is an id in the form of a UUID that a text alone has.
func uuid(of string) string {
	sum := sha256.Sum256([]byte(of))
	d := hex.EncodeToString(sum[:16])
	return d[:8] + "-" + d[8:12] + "-" + d[12:16] + "-" + d[16:20] + "-" + d[20:]
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
