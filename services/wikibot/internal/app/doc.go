// Package app serves the management app: the files that the build of spa/ puts
// into dist, embedded in the binary. It owns how they are cached, compressed and
// fenced in by a content security policy. It never reads a cookie and knows
// nothing of wikis; the app itself asks the management API.
//
// # Life of a request
//
// All files are read once, when [New] is called. A path with an extension, such
// as /app/assets/index-BC1ey5ey.js, is that file or 404: a page that is still
// open from before a deployment must not be given HTML for a script. A path
// without one, such as /app/ada/connect, is a screen of the app, and the answer
// is index.html, which is revalidated each time so that a deployment takes effect
// at once. What it loads has hashed names and is kept for a year.
package app
