package cdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"wikibot.io/contracts/routes"
)

// Stage is one deployment: all that differs between dev and prod. Every field
// is written out in stages.json, so that a reader sees what a stage has not.
type Stage struct {
	Name string `json:"-"` // its key in stages.json; part of every name

	// Domain is the root host. The wikis live one label below it.
	Domain string `json:"domain"`
	// HostedZone is the id of the Route 53 zone that Domain belongs to.
	HostedZone string `json:"hosted_zone_id"`

	AlarmEmail    string  `json:"alarm_email"`
	MonthlyBudget float64 `json:"monthly_budget_usd"`

	EdgeKey EdgeKey `json:"edge_key"`

	SignIn SignIn `json:"sign_in"`
	// TrustedIssuers are foreign authorization servers whose access tokens open
	// wikis too.
	TrustedIssuers []TrustedIssuer `json:"trusted_issuers"`

	// Firewall limits requests per address; null leaves AWS WAF out.
	Firewall *Firewall `json:"firewall"`

	LogLevel         string `json:"log_level"` // of slog
	LogRetention     int    `json:"log_retention_days"`
	ArchiveRetention int    `json:"archive_retention_days"` // of events, for replays
	BackupRetention  int    `json:"backup_retention_days"`
	// FilesInfrequentAfter moves files that nobody read for so many days to a
	// cheaper and slower class until they are read again; 0 never does.
	FilesInfrequentAfter int `json:"files_infrequent_after_days"`

	// DeletionProtection keeps the tables from being deleted even on purpose. A
	// stage without it still retains them when its stacks are deleted.
	DeletionProtection bool `json:"deletion_protection"`
	FlowLogs           bool `json:"flow_logs"` // log the VPC's connections

	Functions map[routes.Service]Override `json:"functions"`
	GitHub    GitHub                      `json:"github"`
}

// EdgeKey tells functions that a request came through the edge.
//
// The secret is made by the operator before the first deployment, as a JSON
// object of label and value, because what the functions compare with (the sums)
// must be known when the templates are written. Rotation is two small changes
// here: add a label and its sum; then send it, and drop the old one.
type EdgeKey struct {
	Secret string            `json:"secret"` // name in Secrets Manager
	Sent   string            `json:"sent"`   // label of the value that CloudFront sends
	Sums   map[string]string `json:"sums"`   // label to SHA-256 of the value, in hex
}

// SignIn says who knows people. The secret is made by the operator: see
// docs/operations/first-deployment.md.
type SignIn struct {
	Kind     string `json:"kind"`      // "oidc", "workos" or "none"
	Issuer   string `json:"issuer"`    // of "oidc": its URL; "" otherwise
	ClientID string `json:"client_id"` // "" for "none"
	// Parameter is the name, with its path, of the encrypted parameter in Parameter
	// Store that holds the client secret, or WorkOS's API key; "" when there is none.
	Parameter string `json:"parameter"`
}

// TrustedIssuer is a foreign authorization server.
type TrustedIssuer struct {
	Issuer string `json:"issuer"` // URL, byte for byte as in its tokens
	Role   string `json:"role"`   // "viewer" or "editor": what a token may do that has no scope of ours
}

// Firewall are the limits of one address within five minutes.
type Firewall struct {
	Requests float64 `json:"requests_per_five_minutes"`
	SignIn   float64 `json:"sign_in_per_five_minutes"`
}

// Override changes a row of the table of functions for one stage; 0 leaves it.
type Override struct {
	Memory float64 `json:"memory_mb"`
	// ReservedConcurrency caps the function, and takes as much from all others
	// of the account. A new account has 10 in all: ask for more first.
	ReservedConcurrency float64 `json:"reserved_concurrency"`
}

// GitHub says whose workflows may deploy.
type GitHub struct {
	Repository string `json:"repository"` // owner/name
	// CreatesProvider is true for one stage of an account: it can have only one
	// identity provider of GitHub.
	CreatesProvider bool `json:"creates_provider"`
}

// BaseURL is the root host's URL.
func (s Stage) BaseURL() string { return "https://" + s.Domain }

// Prefix starts the name of everything that has a name of its own.
func (s Stage) Prefix() string { return "wikibot-" + s.Name }

// Own picks the stage's templates out of all, by name of stack.
func (s Stage) Own(templates map[string][]byte) map[string][]byte {
	own := map[string][]byte{}
	for name, template := range templates {
		if strings.HasPrefix(name, s.Prefix()+"-") {
			own[name] = template
		}
	}
	return own
}

// Load decodes stages.json, ordered by name. Its error lists everything that is
// missing, unknown, malformed or contradictory, in all stages.
func Load(file []byte) ([]Stage, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(file, &raw); err != nil {
		return nil, fmt.Errorf("read stages: %w", err)
	}
	var stages []Stage
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		stage := Stage{Name: name}
		wrong := stage.decode(raw[name])
		for _, problem := range stage.problems() {
			// What is missing is not also malformed.
			if path, _, _ := strings.Cut(problem, ":"); !slices.Contains(wrong, path+" is missing") {
				wrong = append(wrong, problem)
			}
		}
		for _, problem := range wrong {
			problems = append(problems, fmt.Errorf("stage %s: %s", name, problem))
		}
		stages = append(stages, stage)
	}
	if len(stages) == 0 {
		problems = append(problems, errors.New("there is no stage"))
	}
	problems = append(problems, clashes(stages)...)
	if len(problems) > 0 {
		return nil, fmt.Errorf("read stages:\n%w", errors.Join(problems...))
	}
	return stages, nil
}

// decode fills s and says which fields are unknown or missing.
func (s *Stage) decode(raw json.RawMessage) []string {
	var problems []string
	problems = append(problems, fields("", raw, reflect.TypeFor[Stage]())...)
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(s); err != nil {
		problems = append(problems, err.Error())
	}
	return problems
}

// fields compares the keys of an object with the fields of a struct, deeply.
// The decoder alone would stop at the first unknown key and take a missing one
// for zero. Overrides may leave keys out: that is what they are for.
func fields(path string, raw json.RawMessage, of reflect.Type) []string {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() == reflect.Slice {
		var list []json.RawMessage
		var problems []string
		_ = json.Unmarshal(raw, &list) // what is no list, the decoder reports
		for i, entry := range list {
			problems = append(problems, fields(fmt.Sprintf("%s%d.", path, i), entry, of.Elem())...)
		}
		return problems
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || object == nil {
		return nil // null, or of another kind, which the decoder reports
	}
	var problems []string
	if of.Kind() == reflect.Map {
		for _, key := range slices.Sorted(maps.Keys(object)) {
			if of.Elem().Kind() == reflect.Struct {
				problems = append(problems, fields(path+key+".", object[key], of.Elem())...)
			}
		}
		return problems
	}
	if of.Kind() != reflect.Struct {
		return nil
	}
	known := map[string]bool{}
	for i := range of.NumField() {
		field := of.Field(i)
		key := field.Tag.Get("json")
		if key == "-" {
			continue
		}
		known[key] = true
		value, given := object[key]
		switch {
		case given:
			problems = append(problems, fields(path+key+".", value, field.Type)...)
		case of != reflect.TypeFor[Override]():
			problems = append(problems, path+key+" is missing")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !known[key] {
			problems = append(problems, path+key+" is unknown")
		}
	}
	return problems
}

var (
	stageName     = regexp.MustCompile(`^[a-z][a-z0-9]{1,11}$`)
	domainName    = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)
	zoneID        = regexp.MustCompile(`^Z[A-Z0-9]{5,31}$`)
	secretName    = regexp.MustCompile(`^[A-Za-z0-9/_-]+$`)
	parameterName = regexp.MustCompile(`^(/[A-Za-z0-9_.-]+){1,15}$`)
	keyLabel      = regexp.MustCompile(`^[A-Za-z0-9-]{1,32}$`)
	sum256        = regexp.MustCompile(`^[0-9a-f]{64}$`)
	repository    = regexp.MustCompile(`^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$`)

	logLevels = []string{"debug", "info", "warn", "error"}
	// What CloudWatch Logs and EFS take.
	logDays        = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653}
	infrequentDays = []int{0, 1, 7, 14, 30, 60, 90, 180, 270, 365}
)

// problems says what AWS, or the fleet, would not take.
func (s *Stage) problems() []string {
	var out []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	matches := func(key, value string, pattern *regexp.Regexp, what string) {
		check(pattern.MatchString(value), "%s: %q is no %s", key, value, what)
	}
	check(stageName.MatchString(s.Name), "its name has to be 2 to 12 lower-case letters and digits")
	matches("domain", s.Domain, domainName, "domain")
	matches("hosted_zone_id", s.HostedZone, zoneID, "id of a Route 53 zone")
	_, err := mail.ParseAddress(s.AlarmEmail)
	check(err == nil && strings.Contains(s.AlarmEmail, "@"), "alarm_email: %q is no address", s.AlarmEmail)
	check(s.MonthlyBudget > 0, "monthly_budget_usd: has to be more than 0")
	check(slices.Contains(logLevels, s.LogLevel), "log_level: %q is none of %v", s.LogLevel, logLevels)
	check(slices.Contains(logDays, s.LogRetention), "log_retention_days: %d is none of %v", s.LogRetention, logDays)
	check(s.ArchiveRetention > 0, "archive_retention_days: has to be more than 0, which would mean for ever")
	check(s.BackupRetention >= 1, "backup_retention_days: has to be 1 or more")
	check(slices.Contains(infrequentDays, s.FilesInfrequentAfter), "files_infrequent_after_days: %d is none of %v", s.FilesInfrequentAfter, infrequentDays)
	check(s.Name != "prod" || s.DeletionProtection, "deletion_protection: prod has to have it")
	matches("github.repository", s.GitHub.Repository, repository, "repository (owner/name)")

	key := s.EdgeKey
	matches("edge_key.secret", key.Secret, secretName, "name of a secret")
	check(len(key.Sums) == 1 || len(key.Sums) == 2, "edge_key.sums: has to hold one sum, or two during a rotation, not %d", len(key.Sums))
	for _, label := range slices.Sorted(maps.Keys(key.Sums)) {
		matches("edge_key.sums", label, keyLabel, "label")
		matches("edge_key.sums."+label, key.Sums[label], sum256, "SHA-256 in lower-case hex")
	}
	check(key.Sums[key.Sent] != "", "edge_key.sent: %q has no sum, so functions would refuse what the edge sends", key.Sent)

	out = append(out, s.SignIn.problems()...)
	for i, t := range s.TrustedIssuers {
		check(isIssuer(t.Issuer), "trusted_issuers.%d.issuer: %q is no https URL", i, t.Issuer)
		check(t.Role == "viewer" || t.Role == "editor", "trusted_issuers.%d.role: %q is none of viewer, editor", i, t.Role)
	}
	if f := s.Firewall; f != nil {
		check(f.Requests >= 10, "firewall.requests_per_five_minutes: has to be 10 or more")
		check(f.SignIn >= 10, "firewall.sign_in_per_five_minutes: has to be 10 or more")
		check(f.SignIn <= f.Requests, "firewall: more sign-ins than requests are allowed")
	}
	for _, service := range slices.Sorted(maps.Keys(s.Functions)) {
		o := s.Functions[service]
		check(slices.ContainsFunc(functions, func(f function) bool { return f.service == service }), "functions: there is no function %q", service)
		check(o.Memory == 0 || o.Memory >= 128 && o.Memory <= 10240, "functions.%s.memory_mb: has to be between 128 and 10240", service)
		check(o.ReservedConcurrency >= 0, "functions.%s.reserved_concurrency: is negative", service)
	}
	return out
}

func (s SignIn) problems() []string {
	var out []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			out = append(out, fmt.Sprintf("sign_in."+format, args...))
		}
	}
	known := s.Kind == "oidc" || s.Kind == "workos"
	check(known || s.Kind == "none", "kind: %q is none of oidc, workos, none", s.Kind)
	check(s.Kind != "oidc" || isIssuer(s.Issuer), "issuer: %q is no https URL", s.Issuer)
	check(s.Kind == "oidc" || s.Issuer == "", "issuer: only oidc has one")
	check(s.ClientID != "" == known, "client_id: oidc and workos need one, and nobody else")
	check(s.Kind != "workos" || s.Parameter != "", "parameter: workos needs an API key")
	check(s.Parameter == "" || parameterName.MatchString(s.Parameter), "parameter: %q is no name with a path, such as /wikibot/prod/sign-in", s.Parameter)
	return out
}

func isIssuer(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// clashes says what two stages cannot both have.
func clashes(stages []Stage) []error {
	var out []error
	domains, secrets, sums := map[string]string{}, map[string]string{}, map[string]string{}
	claim := func(of map[string]string, value, stage, what string) {
		if other, taken := of[value]; taken && value != "" {
			out = append(out, fmt.Errorf("stages %s and %s have the same %s", other, stage, what))
		}
		of[value] = stage
	}
	for _, s := range stages {
		claim(domains, s.Domain, s.Name, "domain")
		claim(secrets, s.EdgeKey.Secret, s.Name, "edge_key.secret")
		for _, label := range slices.Sorted(maps.Keys(s.EdgeKey.Sums)) {
			claim(sums, s.EdgeKey.Sums[label], s.Name, "edge key")
		}
	}
	return out
}
