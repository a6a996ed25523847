// Package cloud composes services for AWS: it reads a function's environment
// and opens the drivers that the services stand on.
package cloud
