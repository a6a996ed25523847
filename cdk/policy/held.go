package policy

import (
	"fmt"
	"slices"
	"strings"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/records/dynamo/tables"
)

// issuersTrusted: auth copies the keys of the issuers whose tokens mcp takes, so
// both are told of the same ones, and the clock tells auth.
func issuersTrusted(s *Stage) []string {
	var f faults
	told := map[routes.Service]string{}
	for _, fn := range s.fleet() {
		value, is := environment(fn)["WIKIBOT_TRUSTED_ISSUERS"]
		if is {
			told[service(fn)] = flat(value)
		}
		f.want(!is || slices.Contains([]routes.Service{routes.Auth, routes.MCP}, service(fn)), fn, "is told whom to trust, and asks nobody")
	}
	if told[routes.Auth] != told[routes.MCP] {
		f = append(f, "auth and mcp trust different issuers")
	}
	if scheduled := len(s.scheduled("fetch-issuer-keys")) > 0; scheduled != (len(told) > 0) {
		f = append(f, fmt.Sprintf("issuers are trusted: %v; their keys are fetched: %v", len(told) > 0, scheduled))
	}
	return f
}

// heldByAuth: others look at sessions and connections, and note that they were
// used. Tickets, which hold what is on its way, are nobody else's business.
func heldByAuth(s *Stage) []string {
	var f faults
	for _, fn := range s.fleet() {
		role := s.roleOf(fn)
		if role == nil || service(fn) == routes.Auth {
			continue
		}
		for _, st := range grants(role) {
			for _, on := range list(st.object["Resource"]) {
				table := s.target(role.Stack, on)
				if !st.allows() || table == nil {
					continue
				}
				for _, action := range texts(st.object["Action"]) {
					f.want(table.ID != tableID(tables.Tickets), fn, "may %s on tickets", action)
					looks := slices.Contains([]string{"dynamodb:GetItem", "dynamodb:UpdateItem"}, action)
					f.want(table.ID != tableID(tables.Sessions) || looks, fn, "may %s on sessions", action)
				}
			}
		}
	}
	return f
}

func byTheClock(s *Stage) []string {
	var f faults
	for _, name := range []string{"rotate-keys", "forget-departed"} {
		rules := s.scheduled(name)
		if len(rules) != 1 {
			f = append(f, fmt.Sprintf("%d rules of the clock say %s", len(rules), name))
			continue
		}
		fn := s.target(rules[0].Stack, objects(rules[0].Props["Targets"])[0]["Arn"])
		f.want(fn != nil && service(fn) == routes.Auth, rules[0], "leads to %v, and %s is auth's", fn, name)
		f.want(s.invokes(rules[0], fn), rules[0], "may not invoke its function")
		f.want(text(rules[0].Props["ScheduleExpression"]) == "rate(1 day)", rules[0], "comes at %s", flat(rules[0].Props["ScheduleExpression"]))
	}
	return f
}

// scheduled are the rules of the clock that say a name.
func (s *Stage) scheduled(name string) []*Resource {
	var out []*Resource
	for _, rule := range s.of("AWS::Events::Rule") {
		if rule.Props["ScheduleExpression"] != nil && strings.Contains(flat(rule.Props["Targets"]), fmt.Sprintf(`\"schedule\":\"%s\"`, name)) {
			out = append(out, rule)
		}
	}
	return out
}
