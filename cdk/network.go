package cdk

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"

	"wikibot.io/pkg/records/dynamo/tables"
)

// AWS's public prefix lists of DynamoDB and S3 in us-east-1: the addresses that
// the gateway endpoints take over. A template cannot look them up.
const (
	dynamoAddresses = "pl-02cd2c6b"
	bucketAddresses = "pl-63a5400a"
)

// network is where functions with files live: two zones, no gateway to the
// internet, no NAT, no interface endpoint.
type network struct {
	subnets   []*string
	functions *string // security group of functions
	files     *string // security group of the file system
}

func newNetwork(s stack) network {
	vpc := awsec2.NewCfnVPC(s.scope, str("Network"), &awsec2.CfnVPCProps{
		CidrBlock: str("10.64.0.0/22"), EnableDnsSupport: yes, EnableDnsHostnames: yes,
		Tags: s.named("fleet"),
	})
	routes := awsec2.NewCfnRouteTable(s.scope, str("Routes"), &awsec2.CfnRouteTableProps{VpcId: vpc.Ref(), Tags: s.named("isolated")})
	out := network{}
	for zone := range 2 {
		subnet := awsec2.NewCfnSubnet(s.scope, str(fmt.Sprintf("Subnet%d", zone+1)), &awsec2.CfnSubnetProps{
			VpcId: vpc.Ref(), CidrBlock: str(fmt.Sprintf("10.64.%d.0/24", zone)), MapPublicIpOnLaunch: no,
			AvailabilityZone: awscdk.Fn_Select(num(float64(zone)), awscdk.Fn_GetAzs(str(""))),
			Tags:             s.named(fmt.Sprintf("isolated %d", zone+1)),
		})
		awsec2.NewCfnSubnetRouteTableAssociation(s.scope, str(fmt.Sprintf("Subnet%dRoutes", zone+1)), &awsec2.CfnSubnetRouteTableAssociationProps{
			SubnetId: subnet.Ref(), RouteTableId: routes.Ref(),
		})
		out.subnets = append(out.subnets, subnet.Ref())
	}
	s.endpoint("DynamoEndpoint", "dynamodb", vpc, routes, endpointActions(),
		sub("arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/"+s.stage.Prefix()+"-data-*"))
	s.endpoint("BucketEndpoint", "s3", vpc, routes, []string{"s3:GetObject", "s3:PutObject"},
		sub("arn:${AWS::Partition}:s3:::"+s.stage.Prefix()+"-data-*/*"))
	out.functions, out.files = s.securityGroups(vpc)
	if s.stage.FlowLogs {
		s.flowLogs(vpc)
	}
	return out
}

func (s stack) named(name string) *[]*awscdk.CfnTag {
	return &[]*awscdk.CfnTag{{Key: str("Name"), Value: str(s.stage.Prefix() + " " + name)}}
}

// endpoint lets the subnets reach one service of AWS, free of charge, and there
// only what is ours: what runs in a function cannot carry data to a table or a
// bucket of somebody else.
func (s stack) endpoint(id, of string, vpc awsec2.CfnVPC, routes awsec2.CfnRouteTable, actions []string, resource *string) {
	awsec2.NewCfnVPCEndpoint(s.scope, str(id), &awsec2.CfnVPCEndpointProps{
		VpcId: vpc.Ref(), VpcEndpointType: str("Gateway"),
		ServiceName:    sub("com.amazonaws.${AWS::Region}." + of),
		RouteTableIds:  &[]any{routes.Ref()},
		PolicyDocument: policy(allow(actions, resource).to(everyone)),
	})
}

// endpointActions is what functions with files do to tables, all together.
func endpointActions() []string {
	actions := map[string]bool{}
	for _, f := range functions {
		if f.files == noFiles {
			continue
		}
		for _, some := range tables.Access[f.service] {
			for _, action := range some {
				actions["dynamodb:"+action] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(actions))
}

// securityGroups says who may talk to whom: functions to the file system, to
// DynamoDB and S3, and to nobody else; the file system to nobody.
func (s stack) securityGroups(vpc awsec2.CfnVPC) (functions, files *string) {
	https := func(to, list string) *awsec2.CfnSecurityGroup_EgressProperty {
		return &awsec2.CfnSecurityGroup_EgressProperty{
			Description: str(to), IpProtocol: str("tcp"), FromPort: num(443), ToPort: num(443), DestinationPrefixListId: str(list),
		}
	}
	callers := awsec2.NewCfnSecurityGroup(s.scope, str("FunctionsGroup"), &awsec2.CfnSecurityGroupProps{
		VpcId: vpc.Ref(), GroupDescription: str("Functions that mount the wikis"),
		SecurityGroupEgress: []any{https("DynamoDB", dynamoAddresses), https("S3", bucketAddresses)},
	})
	// A group without any rule would be given one that lets everything out; this
	// one matches nothing.
	disk := awsec2.NewCfnSecurityGroup(s.scope, str("FilesGroup"), &awsec2.CfnSecurityGroupProps{
		VpcId: vpc.Ref(), GroupDescription: str("The file system of the wikis"),
		SecurityGroupEgress: []any{&awsec2.CfnSecurityGroup_EgressProperty{
			Description: str("Nobody"), IpProtocol: str("icmp"), FromPort: num(252), ToPort: num(86), CidrIp: str("255.255.255.255/32"),
		}},
	})
	awsec2.NewCfnSecurityGroupEgress(s.scope, str("FunctionsToFiles"), &awsec2.CfnSecurityGroupEgressProps{
		GroupId: callers.AttrGroupId(), DestinationSecurityGroupId: disk.AttrGroupId(),
		Description: str("NFS"), IpProtocol: str("tcp"), FromPort: num(2049), ToPort: num(2049),
	})
	awsec2.NewCfnSecurityGroupIngress(s.scope, str("FilesFromFunctions"), &awsec2.CfnSecurityGroupIngressProps{
		GroupId: disk.AttrGroupId(), SourceSecurityGroupId: callers.AttrGroupId(),
		Description: str("NFS"), IpProtocol: str("tcp"), FromPort: num(2049), ToPort: num(2049),
	})
	return callers.AttrGroupId(), disk.AttrGroupId()
}

// flowLogs records who connected to whom in the VPC.
func (s stack) flowLogs(vpc awsec2.CfnVPC) {
	logs := awslogs.NewCfnLogGroup(s.scope, str("ConnectionsLog"), &awslogs.CfnLogGroupProps{RetentionInDays: num(float64(s.stage.LogRetention))})
	role := s.role("ConnectionsRole", "Writes the VPC's flow log", assumedBy("vpc-flow-logs"),
		allow([]string{"logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"}, logs.AttrArn()))
	awsec2.NewCfnFlowLog(s.scope, str("Connections"), &awsec2.CfnFlowLogProps{
		ResourceId: vpc.Ref(), ResourceType: str("VPC"), TrafficType: str("ALL"),
		LogDestinationType: str("cloud-watch-logs"), LogGroupName: logs.Ref(), DeliverLogsPermissionArn: role.AttrArn(),
	})
}
