// Package services is the parent of the fleet: one folder for each service,
// deployable alone, and wikibot, which runs all of them in one process.
// Services never import each other; see direction_test.go for the rules.
package services
