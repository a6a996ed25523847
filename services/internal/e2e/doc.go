// Package e2e runs the end-to-end scripts against a fleet, however it is
// composed: one process, or functions behind an edge.
//
// It owns the scripts in the folder script, which use public doors alone (the
// browser's, REST, MCP, git) and so must pass on every fleet, and the commands
// that they are written in. It never knows how a fleet is started: the
// composition passes that in, with scripts of its own for what only it can do.
// A script that cannot apply to a fleet is left out by name and with the reason;
// nothing is skipped in silence.
//
// # Life of a script
//
// testscript gives it a folder; "up" asks the composition for a fleet on that
// folder; "http", "exec git" and the others speak to it over the network as
// strangers would; "down" and "crash" end it, and the next "up" must find
// everything that was acknowledged. What still runs when the script ends is
// stopped.
//
// The commands, besides testscript's own:
//
//	up                       start the fleet; sets $URL and $HOST
//	down                     stop it as an operator would
//	crash                    kill it at once, as a power failure would
//	http METHOD URL [k:v…] [@file | text]
//	                         one request; prints the status line, the header and
//	                         the body. A "k:v" before the body is a header.
//	as [NAME]                use that browser (cookie jar) from now on; without a
//	                         name none, as programs do
//	signin EMAIL USERNAME    sign in with it
//	consent allow|deny CLIENT RESOURCE [read|write]
//	                         decide with it about a client that wants into a wiki;
//	                         sets $CODE, and $VERIFIER and $BACK to redeem it with
//	gogit clone URL DIR [DEPTH]
//	gogit pull URL DIR       clone or pull with go-git; the URL carries the token
//	setjson VAR KEY [FILE]   set a variable from a member of the last body
package e2e
