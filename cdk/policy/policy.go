package policy

import "fmt"

// Policy is one promise.
type Policy struct {
	Name  string
	Why   string
	check func(*Stage) []string
}

// Violation is one resource that breaks a promise.
type Violation struct {
	Policy string
	Text   string
}

func (v Violation) String() string { return v.Policy + ": " + v.Text }

// All lists the policies.
var All = []Policy{
	{"no way out", "what runs next to the wikis cannot carry them away, and nothing is paid by the hour", noWayOut},
	{"no wildcard action", "a role may do what a line says, not what AWS adds to a pattern next year", noWildcardAction},
	{"exact resources", "an asterisk is only where AWS knows no resource", exactResources},
	{"own role", "what one function may do is no other's", ownRole},
	{"access to tables", "a function may do to tables what its code does, and no more", tableAccess},
	{"access to files", "only who writes wikis may write files", fileAccess},
	{"no secret in the VPC", "functions that anybody's page passes through hold nothing worth stealing", noSecretInVPC},
	{"keys", "the private keys are one function's", keysAreAuths},
	{"sign-in asks for proof", "nobody is taken at their word where strangers can reach it, and the secret for asking is auth's alone", signInAsksForProof},
	{"trusted issuers", "whose tokens count is known to the two who ask, who agree, and their keys are fetched", issuersTrusted},
	{"what people hold", "sessions, connections and tickets are made and ended by auth alone", heldByAuth},
	{"the clock", "keys are rotated, and who left is forgotten, although nobody thinks of it", byTheClock},
	{"functions", "every function says who it is, and runs as the others do", functionsAlike},
	{"subscriptions", "every row of the table of subscriptions is one rule, one target and one queue", subscribed},
	{"relay", "every streamed table feeds the relay, and no record is lost in silence", relayed},
	{"dead letters", "what failed for good is kept, and somebody is told", deadLetters},
	{"queues", "letters are encrypted, kept for as long as SQS can, and come over TLS", queuesKeep},
	{"log retention", "logs end", logsEnd},
	{"data is kept", "no deployment and no slip deletes what people wrote", dataKept},
	{"backups", "all data is saved, together", backedUp},
	{"function URLs", "CloudFront can call a function, and the function can tell that it was CloudFront", functionURLs},
	{"routes", "the edge routes as the table of routes says, in its order", routed},
	{"private pages", "a shared cache never gives one viewer's answer to another", privatePages},
	{"errors are not kept", "a page does not seem missing after it was saved", errorsNotKept},
	{"TLS", "nothing goes over a plain connection", onlyTLS},
	{"no public bucket", "CloudFront alone reads the bucket", noPublicBucket},
	{"delivery", "only our repository's jobs deploy", delivery},
	{"outputs", "scripts find what they need", outputs},
}

// Check asks every policy.
func Check(s *Stage) []Violation {
	var out []Violation
	for _, p := range All {
		for _, text := range p.check(s) {
			out = append(out, Violation{p.Name, text})
		}
	}
	return out
}

// faults collects sentences about resources.
type faults []string

func (f *faults) add(r *Resource, format string, args ...any) {
	*f = append(*f, r.String()+" "+fmt.Sprintf(format, args...))
}

// want adds a sentence unless ok.
func (f *faults) want(ok bool, r *Resource, format string, args ...any) {
	if !ok {
		f.add(r, format, args...)
	}
}
