package cloud

import (
	_ "github.com/aws/aws-sdk-go-v2/config"
	_ "github.com/caarlos0/env/v11"
	_ "github.com/dop251/goja"
	_ "golang.org/x/sys/unix"
	_ "wikibot.io/pkg/lambdakit"
	_ "wikibot.io/pkg/records/dynamo"
)
