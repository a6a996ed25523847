package cdk

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsefs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"

	"wikibot.io/pkg/records/dynamo/tables"
)

// data is what outlives every deployment.
type data struct {
	tables map[tables.Name]awsdynamodb.CfnTable
	files  files
	app    awss3.CfnBucket // the management app's files
	keys   awssecretsmanager.CfnSecret
	bus    awsevents.CfnEventBus
}

// files is the file system of the wikis, and the one door to it.
type files struct {
	system awsefs.CfnFileSystem
	door   awsefs.CfnAccessPoint
}

func newData(s stack, n network) data {
	d := data{tables: map[tables.Name]awsdynamodb.CfnTable{}}
	for _, t := range tables.All {
		d.tables[t.Name] = s.table(t)
	}
	d.files = s.files(n)
	d.app = s.appBucket()
	d.bus = s.bus()

	// It is created empty. The auth function makes the first keys the first time
	// that it is asked to rotate them.
	d.keys = awssecretsmanager.NewCfnSecret(s.scope, str("SigningKeys"), &awssecretsmanager.CfnSecretProps{
		Description: str("Private keys that sign sessions; written and read by the auth function alone"),
	})
	retain(d.keys)

	s.output("AppBucketName", "Where scripts/deploy puts the management app, below app/", d.app.Ref())
	s.output("BusName", "The event bus that dead letters are published to again", d.bus.Ref())
	s.output("SigningKeysSecretArn", "The secret of the signing keys", d.keys.Ref())
	return d
}

// table is billed by use, can be restored to any second of 35 days and is
// encrypted with a key of DynamoDB's (the default, and free of charge).
func (s stack) table(t tables.Table) awsdynamodb.CfnTable {
	attribute := func(name string) *awsdynamodb.CfnTable_AttributeDefinitionProperty {
		return &awsdynamodb.CfnTable_AttributeDefinitionProperty{AttributeName: str(name), AttributeType: str("S")}
	}
	key := func(name, kind string) *awsdynamodb.CfnTable_KeySchemaProperty {
		return &awsdynamodb.CfnTable_KeySchemaProperty{AttributeName: str(name), KeyType: str(kind)}
	}
	attributes, keys := []any{attribute(tables.PartitionKey)}, []any{key(tables.PartitionKey, "HASH")}
	if t.Sorted {
		attributes, keys = append(attributes, attribute(tables.SortKey)), append(keys, key(tables.SortKey, "RANGE"))
	}
	props := &awsdynamodb.CfnTableProps{
		AttributeDefinitions: attributes, KeySchema: keys,
		BillingMode:                      str("PAY_PER_REQUEST"),
		DeletionProtectionEnabled:        s.stage.DeletionProtection,
		PointInTimeRecoverySpecification: &awsdynamodb.CfnTable_PointInTimeRecoverySpecificationProperty{PointInTimeRecoveryEnabled: yes},
	}
	if t.Expires {
		props.TimeToLiveSpecification = &awsdynamodb.CfnTable_TimeToLiveSpecificationProperty{AttributeName: str(tables.ExpiryTime), Enabled: yes}
	}
	if t.Stream {
		props.StreamSpecification = &awsdynamodb.CfnTable_StreamSpecificationProperty{StreamViewType: str("NEW_AND_OLD_IMAGES")}
	}
	table := awsdynamodb.NewCfnTable(s.scope, str(title(string(t.Name))+"Table"), props)
	retain(table)
	return table
}

// files is one file system with a mount target per zone. Elastic throughput
// costs nothing while nobody reads.
//
// The one access point turns every caller into the same user below one folder.
// Who may only read says IAM (a role without ClientWrite is given a file system
// that refuses writes), not POSIX: a second user would have to read all that the
// first one writes, and IAM's word cannot be undone by a file's mode.
//
// AWS Backup saves it by the plan in operations, in the same hour as the tables
// that point into it; EFS's automatic plan would be paid on top.
func (s stack) files(n network) files {
	lifecycle := []any{}
	if days := s.stage.FilesInfrequentAfter; days > 0 {
		after := fmt.Sprintf("AFTER_%d_DAYS", days)
		if days == 1 {
			after = "AFTER_1_DAY"
		}
		lifecycle = append(lifecycle,
			&awsefs.CfnFileSystem_LifecyclePolicyProperty{TransitionToIa: str(after)},
			&awsefs.CfnFileSystem_LifecyclePolicyProperty{TransitionToPrimaryStorageClass: str("AFTER_1_ACCESS")})
	}
	system := awsefs.NewCfnFileSystem(s.scope, str("Files"), &awsefs.CfnFileSystemProps{
		Encrypted: yes, PerformanceMode: str("generalPurpose"), ThroughputMode: str("elastic"),
		LifecyclePolicies: lifecycle,
		BackupPolicy:      &awsefs.CfnFileSystem_BackupPolicyProperty{Status: str("DISABLED")},
		// With a policy, whoever cannot show a role that may mount is refused.
		FileSystemPolicy: policy(statement{
			"Effect": "Deny", "Principal": everyone, "Action": []string{"elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"},
			"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
		}),
		FileSystemTags: &[]*awsefs.CfnFileSystem_ElasticFileSystemTagProperty{{Key: str("Name"), Value: str(s.stage.Prefix() + " wikis")}},
	})
	retain(system)
	for i, subnet := range n.subnets {
		awsefs.NewCfnMountTarget(s.scope, str(fmt.Sprintf("FilesMount%d", i+1)), &awsefs.CfnMountTargetProps{
			FileSystemId: system.Ref(), SubnetId: subnet, SecurityGroups: &[]any{n.files},
		})
	}
	door := awsefs.NewCfnAccessPoint(s.scope, str("FilesDoor"), &awsefs.CfnAccessPointProps{
		FileSystemId: system.Ref(),
		PosixUser:    &awsefs.CfnAccessPoint_PosixUserProperty{Uid: str("1000"), Gid: str("1000")},
		RootDirectory: &awsefs.CfnAccessPoint_RootDirectoryProperty{
			Path:         str("/fleet"),
			CreationInfo: &awsefs.CfnAccessPoint_CreationInfoProperty{OwnerUid: str("1000"), OwnerGid: str("1000"), Permissions: str("0700")},
		},
	})
	retain(door)
	return files{system, door}
}

// appBucket holds the management app, which only CloudFront may read (the policy
// is the edge's). What a deployment overwrote or deleted can be brought back for
// a month.
func (s stack) appBucket() awss3.CfnBucket {
	bucket := awss3.NewCfnBucket(s.scope, str("AppBucket"), &awss3.CfnBucketProps{
		PublicAccessBlockConfiguration: &awss3.CfnBucket_PublicAccessBlockConfigurationProperty{
			BlockPublicAcls: yes, BlockPublicPolicy: yes, IgnorePublicAcls: yes, RestrictPublicBuckets: yes,
		},
		OwnershipControls: &awss3.CfnBucket_OwnershipControlsProperty{
			Rules: []any{&awss3.CfnBucket_OwnershipControlsRuleProperty{ObjectOwnership: str("BucketOwnerEnforced")}},
		},
		BucketEncryption: &awss3.CfnBucket_BucketEncryptionProperty{ServerSideEncryptionConfiguration: []any{
			&awss3.CfnBucket_ServerSideEncryptionRuleProperty{ServerSideEncryptionByDefault: &awss3.CfnBucket_ServerSideEncryptionByDefaultProperty{SseAlgorithm: str("AES256")}},
		}},
		VersioningConfiguration: &awss3.CfnBucket_VersioningConfigurationProperty{Status: str("Enabled")},
		LifecycleConfiguration: &awss3.CfnBucket_LifecycleConfigurationProperty{Rules: []any{&awss3.CfnBucket_RuleProperty{
			Id: str("forget-old-versions"), Status: str("Enabled"),
			NoncurrentVersionExpiration:    &awss3.CfnBucket_NoncurrentVersionExpirationProperty{NoncurrentDays: num(30)},
			AbortIncompleteMultipartUpload: &awss3.CfnBucket_AbortIncompleteMultipartUploadProperty{DaysAfterInitiation: num(1)},
		}}},
	})
	retain(bucket)
	return bucket
}

// bus carries the fleet's events, and keeps them for a while so that a consumer
// that was wrong can be given them again.
func (s stack) bus() awsevents.CfnEventBus {
	bus := awsevents.NewCfnEventBus(s.scope, str("Bus"), &awsevents.CfnEventBusProps{Name: str(s.stage.Prefix())})
	awsevents.NewCfnArchive(s.scope, str("Archive"), &awsevents.CfnArchiveProps{
		ArchiveName: s.name("events"), SourceArn: bus.AttrArn(), RetentionDays: num(float64(s.stage.ArchiveRetention)),
		EventPattern: map[string]any{"source": []string{eventSource}},
	})
	return bus
}
