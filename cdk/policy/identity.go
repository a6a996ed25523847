package policy

import (
	"maps"
	"slices"
	"strings"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/records/dynamo/tables"
)

// statement is one statement of a policy in a template.
type statement struct {
	of *Resource
	object
}

func (st statement) allows() bool { return text(st.object["Effect"]) == "Allow" }

// statements finds all statements of a resource, whatever its type calls them.
func statements(r *Resource) []statement {
	var out []statement
	var search func(any)
	search = func(v any) {
		switch v := v.(type) {
		case object:
			if text(v["Effect"]) != "" && (v["Action"] != nil || v["NotAction"] != nil) {
				out = append(out, statement{r, v})
				return
			}
			for _, key := range slices.Sorted(maps.Keys(v)) {
				search(v[key])
			}
		case []any:
			for _, part := range v {
				search(part)
			}
		}
	}
	search(r.Props)
	return out
}

// grants are what a role is allowed: its statements without those that say who
// may take it on.
func grants(role *Resource) []statement {
	return slices.DeleteFunc(statements(role), func(st statement) bool { return st.object["Principal"] != nil })
}

func noWildcardAction(s *Stage) []string {
	var f faults
	for _, r := range s.resources {
		for _, st := range statements(r) {
			if !st.allows() {
				continue
			}
			f.want(st.object["NotAction"] == nil, r, "allows all actions but some")
			for _, action := range texts(st.object["Action"]) {
				f.want(!strings.ContainsAny(action, "*?"), r, "allows %s", action)
			}
		}
	}
	return f
}

// anywhere are the actions that take no resource.
var anywhere = []string{
	"dynamodb:ListStreams",
	"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
	"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
	"xray:PutTelemetryRecords", "xray:PutTraceSegments",
}

func exactResources(s *Stage) []string {
	var f faults
	for _, r := range s.of("AWS::IAM::Role") {
		for _, st := range grants(r) {
			if !st.allows() || !slices.Contains(texts(st.object["Resource"]), "*") {
				continue
			}
			for _, action := range texts(st.object["Action"]) {
				f.want(slices.Contains(anywhere, action), r, "allows %s on everything", action)
			}
		}
		interfaces := strings.Contains(flat(r.Props), "ec2:CreateNetworkInterface")
		denied := slices.ContainsFunc(statements(r), func(st statement) bool {
			return !st.allows() && strings.Contains(flat(st.object), "lambda:SourceFunctionArn") && strings.Contains(flat(st.object), "ec2:CreateNetworkInterface")
		})
		f.want(!interfaces || denied, r, "lets the function's code make network interfaces, not just Lambda")
	}
	for _, r := range s.of("AWS::IAM::Role") {
		for _, managed := range list(r.Props["ManagedPolicyArns"]) {
			f.want(strings.Contains(flat(managed), "AWSBackupServiceRolePolicy"), r, "has the managed policy %s", flat(managed))
		}
	}
	return f
}

// roleOf is the role of a function.
func (s *Stage) roleOf(fn *Resource) *Resource { return s.target(fn.Stack, fn.Props["Role"]) }

func ownRole(s *Stage) []string {
	var f faults
	owner := map[*Resource]*Resource{}
	for _, fn := range s.of("AWS::Lambda::Function") {
		role := s.roleOf(fn)
		if role == nil || role.Type != "AWS::IAM::Role" {
			f.add(fn, "has a role that no template describes")
			continue
		}
		f.want(owner[role] == nil, fn, "shares %s with %v", role, owner[role])
		owner[role] = fn
	}
	return f
}

// tableAccess compares what roles allow with what the services do, both ways.
func tableAccess(s *Stage) []string {
	var f faults
	for _, fn := range s.fleet() {
		role := s.roleOf(fn)
		if role == nil {
			continue
		}
		got := map[string][]string{}
		for _, st := range statements(role) {
			for _, action := range texts(st.object["Action"]) {
				action, ok := strings.CutPrefix(action, "dynamodb:")
				if !ok || strings.Contains(action, "Stream") || strings.HasSuffix(action, "Records") || strings.HasSuffix(action, "Iterator") {
					continue
				}
				for _, on := range list(st.object["Resource"]) {
					table := s.target(role.Stack, on)
					if table == nil {
						f.add(role, "allows %s on what is no table", action)
						continue
					}
					got[table.ID] = append(got[table.ID], action)
				}
			}
		}
		want := map[string][]string{}
		for name, actions := range tables.Access[service(fn)] {
			want[tableID(name)] = actions
		}
		for id := range got {
			slices.Sort(got[id])
		}
		f.want(maps.EqualFunc(got, want, slices.Equal), role, "allows %v on tables, but the code does %v", got, want)
	}
	return f
}

func tableID(n tables.Name) string {
	return strings.ToUpper(string(n[:1])) + string(n[1:]) + "Table"
}

// fileAccess: of the functions in the VPC all mount by the access point, and only
// those may write whose work it is.
func fileAccess(s *Stage) []string {
	writers := []routes.Service{routes.Wiki, routes.MCP, routes.Embedding}
	var f faults
	for _, fn := range s.fleet() {
		mounts := objects(fn.Props["FileSystemConfigs"])
		f.want((len(mounts) > 0) == (fn.Props["VpcConfig"] != nil), fn, "is in the VPC without files, or has files outside of it")
		var actions []string
		for _, st := range statements(s.roleOf(fn)) {
			for _, action := range texts(st.object["Action"]) {
				if strings.HasPrefix(action, "elasticfilesystem:") {
					actions = append(actions, action)
					f.want(strings.Contains(flat(st.object["Condition"]), "elasticfilesystem:AccessPointArn"), fn, "may mount past the access point")
				}
			}
		}
		want := []string{}
		if len(mounts) > 0 {
			want = append(want, "elasticfilesystem:ClientMount")
			if slices.Contains(writers, service(fn)) {
				want = append(want, "elasticfilesystem:ClientWrite")
			}
		}
		f.want(slices.Equal(actions, want) || len(actions)+len(want) == 0, fn, "may do %v to files, and needs %v", actions, want)
		for _, mount := range mounts {
			point := s.target(fn.Stack, mount["Arn"])
			f.want(point != nil && point.Type == "AWS::EFS::AccessPoint", fn, "mounts something else than the access point")
		}
	}
	return f
}

func delivery(s *Stage) []string {
	var f faults
	found := 0
	for _, r := range s.of("AWS::IAM::Role") {
		for _, st := range statements(r) {
			if child(st.object, "Principal")["Federated"] == nil {
				continue
			}
			found++
			must := child(st.object, "Condition", "StringEquals")
			subject := text(must["token.actions.githubusercontent.com:sub"])
			f.want(text(must["token.actions.githubusercontent.com:aud"]) == "sts.amazonaws.com", r, "takes tokens that are meant for others")
			f.want(strings.HasPrefix(subject, "repo:") && !strings.ContainsAny(subject, "*?"), r, "trusts %q", subject)
			deploys := strings.Contains(flat(r.Props), "-deploy-role-")
			f.want(!deploys || strings.HasSuffix(subject, ":environment:"+s.Name), r, "deploys for %q", subject)
		}
	}
	if found == 0 {
		f = append(f, "no role can be taken on by GitHub")
	}
	return f
}
