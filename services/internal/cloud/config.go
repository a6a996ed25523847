package cloud

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/lambdakit"
	"wikibot.io/pkg/records/dynamo/tables"
	"wikibot.io/pkg/web"
)

// Config is a function's environment. A service needs only some of it: see
// [Load].
type Config struct {
	// Service is the member of the fleet that the function is deployed as.
	Service routes.Service `env:"WIKIBOT_SERVICE"`
	// BaseURL is where people reach the root host, such as "https://wikibot.io".
	// Plain http is for names below .localhost only.
	BaseURL string `env:"WIKIBOT_BASE_URL"`
	// EdgeKeys are the SHA-256 sums, in hex, of the values of X-Wikibot-Edge that
	// are accepted.
	EdgeKeys lambdakit.EdgeKeys `env:"WIKIBOT_EDGE_KEYS"`
	// Data is the folder of the shared file system; wikis are in its folder
	// "wikis".
	Data string `env:"WIKIBOT_DATA"`
	// Scratch is a folder for what this process alone uses and may lose.
	Scratch string `env:"WIKIBOT_SCRATCH"`
	// SignIn is how people prove who they are: "oidc" at an OpenID Connect issuer,
	// "workos" with WorkOS AuthKit, "none", or "development", which takes them at
	// their word and is refused where strangers could reach it.
	SignIn string `env:"WIKIBOT_SIGN_IN"`
	// Provider is whom "oidc" and "workos" ask.
	Provider struct {
		Issuer   string `env:"ISSUER"` // of "oidc": its URL
		ClientID string `env:"CLIENT"`
		// Parameter is the name of the SSM parameter with the client secret, or
		// WorkOS's API key. "" is a public client.
		Parameter string `env:"PARAMETER"`
	} `envPrefix:"WIKIBOT_SIGN_IN_"`
	// TrustedIssuers are foreign authorization servers whose access tokens open
	// wikis: a JSON array of objects like {"issuer":"https://…","role":"viewer"}.
	TrustedIssuers TrustedIssuers `env:"WIKIBOT_TRUSTED_ISSUERS"`
	// KeysSecret is the ARN of the secret with the private signing keys.
	KeysSecret string `env:"WIKIBOT_KEYS_SECRET"`
	// Bus is the event bus, DeadLetters the URL of the queue for what can never
	// be put on it.
	Bus         string `env:"WIKIBOT_BUS"`
	DeadLetters string `env:"WIKIBOT_DEAD_LETTERS"`
	// LogLevel is "DEBUG", "INFO", "WARN" or "ERROR".
	LogLevel slog.Level `env:"WIKIBOT_LOG_LEVEL" envDefault:"INFO"`
	// Region and the credentials are set by Lambda. The session token is part of
	// every role's credentials; stand-ins of AWS do without.
	Region          string `env:"AWS_REGION"`
	AccessKeyID     string `env:"AWS_ACCESS_KEY_ID"`
	SecretAccessKey string `env:"AWS_SECRET_ACCESS_KEY"`
	SessionToken    string `env:"AWS_SESSION_TOKEN"`
	// Endpoints of AWS other than the region's own.
	Endpoints struct {
		DynamoDB       string `env:"DYNAMODB"`
		EventBridge    string `env:"EVENTBRIDGE"`
		SQS            string `env:"SQS"`
		SecretsManager string `env:"SECRETS_MANAGER"`
		SSM            string `env:"SSM"`
	} `envPrefix:"AWS_ENDPOINT_URL_"`

	// Tables are the full names of the tables that the service uses, from
	// WIKIBOT_TABLE_USERS and so on.
	Tables map[tables.Name]string `env:"-"`
	// Hosts is BaseURL, parsed.
	Hosts web.Hosts `env:"-"`
}

// The ways of signing in.
const (
	SignInNone        = "none"
	SignInDevelopment = "development"
	SignInOIDC        = "oidc"
	SignInWorkOS      = "workos"
)

// needs says what a service's configuration must hold besides region and
// credentials.
type needs struct{ requests, files, signing, bus, issuers bool }

var needsOf = map[routes.Service]needs{
	routes.Auth:       {requests: true, signing: true, issuers: true},
	routes.Management: {requests: true},
	routes.Wiki:       {requests: true, files: true},
	routes.MCP:        {requests: true, files: true, issuers: true},
	routes.GitHTTP:    {requests: true, files: true},
	routes.Embedding:  {files: true},
	routes.Relay:      {bus: true},
}

// parsed are the variables that are more than text, by the fields that hold them.
var parsed = map[string]string{"LogLevel": "WIKIBOT_LOG_LEVEL", "TrustedIssuers": "WIKIBOT_TRUSTED_ISSUERS"}

// Load reads the configuration of a service from the process's environment. Its
// error lists everything that is missing, malformed or contradictory.
func Load(s routes.Service) (Config, error) { return load(s, env.ToMap(os.Environ())) }

func load(s routes.Service, environment map[string]string) (Config, error) {
	var p problems
	c, err := env.ParseAsWithOptions[Config](env.Options{Environment: environment})
	if all := (env.AggregateError{}); errors.As(err, &all) {
		for _, e := range all.Errors {
			if wrong := (env.ParseError{}); errors.As(e, &wrong) {
				e = fmt.Errorf("%s: %w", parsed[wrong.Name], wrong.Err)
			}
			p.list = append(p.list, e)
		}
	} else if err != nil {
		p.list = append(p.list, err)
	}
	need, known := needsOf[s]
	if !known {
		p.add("WIKIBOT_SERVICE", "there is no function of the name %q", s)
	}
	if c.Service != s {
		p.add("WIKIBOT_SERVICE", "is %q, but this binary is %q", c.Service, s)
	}
	for name, v := range map[string]string{"AWS_REGION": c.Region, "AWS_ACCESS_KEY_ID": c.AccessKeyID, "AWS_SECRET_ACCESS_KEY": c.SecretAccessKey} {
		p.want(name, v)
	}
	c.checkRequests(&p, need)
	c.checkSigning(&p, need)
	if !need.issuers && len(c.TrustedIssuers) > 0 {
		p.add("WIKIBOT_TRUSTED_ISSUERS", "is for auth and mcp alone")
	}
	c.checkFiles(&p, need)
	if need.bus {
		p.want("WIKIBOT_BUS", c.Bus)
		p.wantURL("WIKIBOT_DEAD_LETTERS", c.DeadLetters)
	}
	for name, v := range map[string]string{
		"DYNAMODB": c.Endpoints.DynamoDB, "EVENTBRIDGE": c.Endpoints.EventBridge, "SQS": c.Endpoints.SQS, "SECRETS_MANAGER": c.Endpoints.SecretsManager,
		"SSM": c.Endpoints.SSM,
	} {
		if v != "" {
			p.wantURL("AWS_ENDPOINT_URL_"+name, v)
		}
	}
	c.Tables = map[tables.Name]string{}
	for _, n := range slices.Sorted(maps.Keys(tables.Access[s])) {
		c.Tables[n] = environment[n.Env()]
		p.want(n.Env(), c.Tables[n])
	}
	return c, p.err()
}

func (c *Config) checkRequests(p *problems, need needs) {
	if !need.requests {
		return
	}
	if err := c.EdgeKeys.Check(); err != nil {
		p.add("WIKIBOT_EDGE_KEYS", "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if p.want("WIKIBOT_BASE_URL", c.BaseURL) {
		hosts, err := web.NewHosts(c.BaseURL)
		if err != nil {
			p.add("WIKIBOT_BASE_URL", "%v", err)
			return
		}
		c.Hosts = hosts
		if !hosts.Secure() && !c.local() {
			p.add("WIKIBOT_BASE_URL", "%q: browsers keep sessions over https only: want https, or a name below .localhost", c.BaseURL)
		}
	}
}

// checkSigning also refuses what nobody else may have: whoever holds the private
// keys can be anybody.
func (c *Config) checkSigning(p *problems, need needs) {
	if !need.signing {
		if c.KeysSecret != "" {
			p.add("WIKIBOT_KEYS_SECRET", "is for auth alone: take it from this function, and from its role")
		}
		return
	}
	p.want("WIKIBOT_KEYS_SECRET", c.KeysSecret)
	switch c.SignIn {
	case SignInNone:
	case SignInOIDC:
		p.wantURL("WIKIBOT_SIGN_IN_ISSUER", c.Provider.Issuer)
		p.want("WIKIBOT_SIGN_IN_CLIENT", c.Provider.ClientID)
	case SignInWorkOS:
		p.want("WIKIBOT_SIGN_IN_CLIENT", c.Provider.ClientID)
		p.want("WIKIBOT_SIGN_IN_PARAMETER", c.Provider.Parameter)
	case SignInDevelopment:
		if !c.local() {
			p.add("WIKIBOT_SIGN_IN", "%q takes anybody at their word, so the host in WIKIBOT_BASE_URL must end in .localhost; it is %q", c.SignIn, c.BaseURL)
		}
	default:
		p.add("WIKIBOT_SIGN_IN", "is %q: want %q, %q, %q or %q", c.SignIn, SignInOIDC, SignInWorkOS, SignInNone, SignInDevelopment)
	}
}

func (c *Config) checkFiles(p *problems, need needs) {
	if !need.files {
		return
	}
	if c.Scratch == "" {
		c.Scratch = filepath.Join(os.TempDir(), "wikibot")
	}
	if !filepath.IsAbs(c.Scratch) {
		p.add("WIKIBOT_SCRATCH", "%q is no absolute path", c.Scratch)
	}
	if !p.want("WIKIBOT_DATA", c.Data) {
		return
	}
	switch st, err := os.Stat(c.Data); {
	case !filepath.IsAbs(c.Data):
		p.add("WIKIBOT_DATA", "%q is no absolute path", c.Data)
	case err != nil:
		p.add("WIKIBOT_DATA", "the file system is not mounted: %v", err)
	case !st.IsDir():
		p.add("WIKIBOT_DATA", "%q is no folder", c.Data)
	}
	if rel, err := filepath.Rel(c.Data, c.Scratch); err == nil && filepath.IsLocal(rel) {
		p.add("WIKIBOT_SCRATCH", "%q lies in WIKIBOT_DATA, which all functions share", c.Scratch)
	}
}

// Wikis is the folder of the wikis.
func (c Config) Wikis() string { return filepath.Join(c.Data, "wikis") }

// local reports whether only the machine itself can reach the base URL's host:
// names below .localhost resolve to it everywhere (RFC 6761 section 6.3).
func (c *Config) local() bool {
	u, err := url.Parse(c.BaseURL)
	return err == nil && strings.HasSuffix(strings.ToLower(u.Hostname()), ".localhost")
}

// problems collects what is wrong.
type problems struct{ list []error }

func (p *problems) add(name, format string, args ...any) {
	p.list = append(p.list, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
}

// want reports whether there is a value.
func (p *problems) want(name, value string) bool {
	if value == "" {
		p.add(name, "is missing")
	}
	return value != ""
}

func (p *problems) wantURL(name, value string) {
	if !p.want(name, value) {
		return
	}
	if u, err := url.Parse(value); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		p.add(name, "%q is no URL", value)
	}
}

// err joins them in a stable order.
func (p *problems) err() error {
	slices.SortStableFunc(p.list, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(p.list...)
}
