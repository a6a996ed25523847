package policy

import (
	"slices"

	"wikibot.io/pkg/records/dynamo/tables"
)

// kept are the types whose resources hold what cannot be made again.
var kept = []string{
	"AWS::DynamoDB::Table", "AWS::EFS::FileSystem", "AWS::EFS::AccessPoint", "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::Backup::BackupVault",
}

func dataKept(s *Stage) []string {
	var f faults
	for _, r := range s.resources {
		if slices.Contains(kept, r.Type) {
			f.want(r.All["DeletionPolicy"] == "Retain" && r.All["UpdateReplacePolicy"] == "Retain", r, "is deleted with its stack, or when it is replaced")
		}
	}
	for _, t := range tables.All {
		if r := s.byName["data/"+tableID(t.Name)]; r != nil && r.Type == "AWS::DynamoDB::Table" {
			checkTable(&f, r, t)
		} else {
			f = append(f, "there is no table of "+string(t.Name))
		}
	}
	if n := len(s.of("AWS::DynamoDB::Table")); n != len(tables.All) {
		f = append(f, "there are tables of nobody")
	}
	for _, r := range s.of("AWS::EFS::FileSystem") {
		f.want(r.Props["Encrypted"] == true, r, "is not encrypted")
		f.want(r.Props["FileSystemPolicy"] != nil, r, "can be mounted by anybody in the VPC")
	}
	for _, r := range s.of("AWS::S3::Bucket") {
		f.want(text(child(r.Props, "VersioningConfiguration")["Status"]) == "Enabled", r, "forgets what was overwritten")
	}
	return f
}

func checkTable(f *faults, r *Resource, t tables.Table) {
	f.want(child(r.Props, "PointInTimeRecoverySpecification")["PointInTimeRecoveryEnabled"] == true, r, "cannot be restored to a point in time")
	f.want(r.Props["DeletionProtectionEnabled"] == true, r, "can be deleted by a slip")
	f.want(text(r.Props["BillingMode"]) == "PAY_PER_REQUEST", r, "is paid by the hour")
	f.want(r.Props["TableName"] == nil, r, "has a fixed name, so a restored one could not take its place")
	want := []any{object{"AttributeName": tables.PartitionKey, "KeyType": "HASH"}}
	if t.Sorted {
		want = append(want, object{"AttributeName": tables.SortKey, "KeyType": "RANGE"})
	}
	f.want(same(r.Props["KeySchema"], want), r, "has the key %s", flat(r.Props["KeySchema"]))
	expiry := child(r.Props, "TimeToLiveSpecification")
	f.want(t.Expires == (expiry["Enabled"] == true && expiry["AttributeName"] == tables.ExpiryTime), r, "expires: %s", flat(expiry))
	f.want(t.Stream == (text(child(r.Props, "StreamSpecification")["StreamViewType"]) == "NEW_AND_OLD_IMAGES"), r, "streams: %s", flat(r.Props["StreamSpecification"]))
}

func backedUp(s *Stage) []string {
	var f faults
	selections := s.of("AWS::Backup::BackupSelection")
	for _, r := range append(s.of("AWS::DynamoDB::Table"), s.of("AWS::EFS::FileSystem")...) {
		saved := slices.ContainsFunc(selections, func(b *Resource) bool { return s.refersTo(b.Stack, b.Props["BackupSelection"], r) })
		f.want(saved, r, "is not saved")
	}
	for _, b := range selections {
		plan := s.target(b.Stack, b.Props["BackupPlanId"])
		f.want(plan != nil && plan.Type == "AWS::Backup::BackupPlan", b, "has no plan")
	}
	return f
}

func noPublicBucket(s *Stage) []string {
	var f faults
	for _, r := range s.of("AWS::S3::Bucket") {
		block := child(r.Props, "PublicAccessBlockConfiguration")
		for _, what := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			f.want(block[what] == true, r, "lacks %s", what)
		}
		f.want(r.Props["WebsiteConfiguration"] == nil, r, "is a web site")
	}
	for _, r := range s.of("AWS::S3::BucketPolicy") {
		for _, st := range statements(r) {
			one := text(child(st.object, "Principal")["Service"]) == "cloudfront.amazonaws.com" && child(st.object, "Condition", "StringEquals")["aws:SourceArn"] != nil
			f.want(!st.allows() || one, r, "lets in others than one distribution")
		}
	}
	return f
}
