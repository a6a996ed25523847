// Package pages draws the pages of the auth service: plain HTML from templates,
// fenced in by a content security policy, complete without script. It decides
// nothing; whoever renders a page hands it all that it shows.
package pages
