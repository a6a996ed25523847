package cost

// The prices are those of us-east-1, in US dollars, to the best of our knowledge
// of November 2026: they were written down without AWS's price lists at hand, so
// look there before relying on a cent.
const (
	alarm      = 0.10 // CloudWatch: one metric at standard resolution, a month; an account's first ten are free
	secret     = 0.40 // Secrets Manager: one secret, a month
	zone       = 0.50 // Route 53: one hosted zone, a month
	webACL     = 5.00 // WAF: one list, a month
	webACLRule = 1.00 // WAF: one rule of it

	filesGB        = 0.30  // EFS Standard: a GB, a month
	filesBackupGB  = 0.05  // AWS Backup of EFS, warm
	tableGB        = 0.25  // DynamoDB; an account's first 25 are free
	tableRestoreGB = 0.20  // point-in-time recovery
	tableBackupGB  = 0.10  // AWS Backup of DynamoDB, warm
	bucketGB       = 0.023 // S3 Standard
	logsGB         = 0.03  // CloudWatch Logs, kept
	eventsGB       = 0.10  // EventBridge archive, kept
)

// What an idle stage stores, in GB: some wikis that were made and left.
const (
	storedFiles  = 1.0
	storedTables = 0.01
	storedApp    = 0.01
	storedBuilds = 1.0 // the CDK's bucket: a dozen versions of seven functions
	storedLogs   = 0.1
	storedEvents = 0.01
)

// free are the types that cost nothing unless they are used, and why.
var free = map[string]string{
	"AWS::Backup::BackupPlan":                "paid by what it stores",
	"AWS::Backup::BackupSelection":           "",
	"AWS::Backup::BackupVault":               "paid by what it stores",
	"AWS::Budgets::Budget":                   "without actions",
	"AWS::CertificateManager::Certificate":   "public certificates",
	"AWS::CloudFront::CachePolicy":           "",
	"AWS::CloudFront::Distribution":          "paid by request and byte",
	"AWS::CloudFront::Function":              "paid by call",
	"AWS::CloudFront::OriginAccessControl":   "",
	"AWS::CloudFront::OriginRequestPolicy":   "",
	"AWS::CloudFront::ResponseHeadersPolicy": "",
	"AWS::CloudWatch::Dashboard":             "the first three of an account; 3 dollars from the fourth on",
	"AWS::DynamoDB::Table":                   "on demand, paid by request and by what it stores",
	"AWS::EC2::FlowLog":                      "paid by what it logs",
	"AWS::EC2::RouteTable":                   "",
	"AWS::EC2::SecurityGroup":                "",
	"AWS::EC2::SecurityGroupEgress":          "",
	"AWS::EC2::SecurityGroupIngress":         "",
	"AWS::EC2::Subnet":                       "",
	"AWS::EC2::SubnetRouteTableAssociation":  "",
	"AWS::EC2::VPC":                          "",
	"AWS::EC2::VPCEndpoint":                  "gateways; another kind is an error",
	"AWS::EFS::AccessPoint":                  "",
	"AWS::EFS::FileSystem":                   "elastic, paid by byte and by what it stores",
	"AWS::EFS::MountTarget":                  "",
	"AWS::Events::Archive":                   "paid by what it stores",
	"AWS::Events::EventBus":                  "paid by event",
	"AWS::Events::Rule":                      "",
	"AWS::IAM::OIDCProvider":                 "",
	"AWS::IAM::Role":                         "",
	"AWS::Lambda::EventInvokeConfig":         "",
	"AWS::Lambda::EventSourceMapping":        "of DynamoDB streams: Lambda's polling is free",
	"AWS::Lambda::Function":                  "paid by call; idle, thirty looks at the keys a month",
	"AWS::Lambda::Permission":                "",
	"AWS::Lambda::Url":                       "",
	"AWS::Lambda::Version":                   "",
	"AWS::Logs::LogGroup":                    "paid by what it stores",
	"AWS::Route53::RecordSet":                "aliases; the zone is paid",
	"AWS::S3::Bucket":                        "paid by what it stores",
	"AWS::S3::BucketPolicy":                  "",
	"AWS::SNS::Topic":                        "a thousand e-mails a month are free",
	"AWS::SNS::TopicPolicy":                  "",
	"AWS::SQS::Queue":                        "paid by request",
	"AWS::SQS::QueuePolicy":                  "",
}
