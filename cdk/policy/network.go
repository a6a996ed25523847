package policy

import "slices"

// leaks are the resources that would connect a VPC with anything.
var leaks = []string{
	"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::EgressOnlyInternetGateway", "AWS::EC2::VPCGatewayAttachment",
	"AWS::EC2::EIP", "AWS::EC2::Route", "AWS::EC2::TransitGateway", "AWS::EC2::VPCPeeringConnection", "AWS::EC2::VPNGateway",
}

func noWayOut(s *Stage) []string {
	var f faults
	for _, r := range s.resources {
		f.want(!slices.Contains(leaks, r.Type), r, "is an %s", r.Type)
	}
	for _, r := range s.of("AWS::EC2::VPCEndpoint") {
		f.want(text(r.Props["VpcEndpointType"]) == "Gateway", r, "is an endpoint that is paid by the hour")
		f.want(r.Props["PolicyDocument"] != nil, r, "lets everything through to anybody's tables and buckets")
	}
	for _, r := range s.of("AWS::EC2::Subnet") {
		f.want(r.Props["MapPublicIpOnLaunch"] == false, r, "gives out public addresses")
	}
	for _, r := range s.of("AWS::EC2::SecurityGroup") {
		f.want(len(objects(r.Props["SecurityGroupEgress"])) > 0, r, "has no rule for egress, which AWS takes for all")
		f.want(len(objects(r.Props["SecurityGroupIngress"])) == 0, r, "lets somebody in by address")
		for _, rule := range objects(r.Props["SecurityGroupEgress"]) {
			checkEgress(&f, r, rule)
		}
	}
	for _, r := range s.of("AWS::EC2::SecurityGroupEgress") {
		checkEgress(&f, r, r.Props)
	}
	for _, r := range s.of("AWS::EC2::SecurityGroupIngress") {
		f.want(r.Props["CidrIp"] == nil && r.Props["CidrIpv6"] == nil, r, "lets somebody in by address")
	}
	return f
}

// checkEgress allows NFS to another group, HTTPS to a prefix list of AWS, and
// the address that is nobody's.
func checkEgress(f *faults, r *Resource, rule object) {
	port := number(rule["FromPort"])
	oneport := rule["FromPort"] == rule["ToPort"]
	switch {
	case text(rule["CidrIp"]) == "255.255.255.255/32" && text(rule["IpProtocol"]) == "icmp":
	case rule["CidrIp"] != nil || rule["CidrIpv6"] != nil:
		f.add(r, "may reach addresses")
	case rule["DestinationSecurityGroupId"] != nil && port == 2049 && oneport:
	case rule["DestinationPrefixListId"] != nil && port == 443 && oneport:
	default:
		f.add(r, "may reach more than files, DynamoDB and S3")
	}
}
