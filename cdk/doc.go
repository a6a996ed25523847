// Package cdk will describe the deployment of the fleet on AWS. It is empty
// until the drivers it would deploy exist.
package cdk
