package routes

// AppContentSecurityPolicy fences the management app in, whoever sends its
// files: everything it loads comes from its own host, inline scripts and styles
// do not run, no other site may frame it, and its one form (sign out) posts to
// its own host.
const AppContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
