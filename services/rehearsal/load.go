package rehearsal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"wikibot.io/services/rehearsal/template"
)

// Where the stand-ins believe themselves to be. Their ARNs say so.
const (
	region  = "us-east-1"
	account = "000000000000"
)

// load reads the templates, creates the tables, and reads them again with what
// is known then. It returns the sums of the edge's keys.
func (r *Rehearsal) load(ctx context.Context) (edgeKeys []string, err error) {
	// Several rehearsals may share an emulator.
	suffix := rand.Text()[:8]
	// A secret that the deployment does not make is its operator's: made up here,
	// the same for both readings.
	made := map[string]string{}
	options := template.Options{
		Region: region, Account: account,
		Physical: func(res template.Resource) string {
			if res.Type == "AWS::DynamoDB::Table" && res.Properties["TableName"] == nil {
				return res.Stack + "-" + res.LogicalID + "-" + suffix
			}
			return ""
		},
		Secret: func(name, key string) (string, error) {
			id := name + " " + key
			if made[id] == "" {
				made[id] = rand.Text()
			}
			return made[id], nil
		},
	}
	first, err := template.Load(r.opts.Templates, options)
	if err != nil {
		return nil, err
	}
	streams, err := createTables(ctx, r.emulator.DynamoDB(), first)
	if err != nil {
		return nil, err
	}
	options.Attribute = func(res template.Resource, name string) (any, error) {
		if stream := streams[res.Name()]; stream != "" && name == "StreamArn" {
			return stream, nil
		}
		return nil, nil
	}
	if r.deployment, err = template.Load(r.opts.Templates, options); err != nil {
		return nil, err
	}
	for _, value := range made {
		sum := sha256.Sum256([]byte(value))
		edgeKeys = append(edgeKeys, hex.EncodeToString(sum[:]))
	}
	if len(edgeKeys) == 0 {
		return nil, errors.New("no secret is sent by the edge: anybody could call the functions' URLs")
	}
	slices.Sort(edgeKeys)
	return edgeKeys, nil
}

// domain is the root domain that the templates are written for.
func (r *Rehearsal) domain() (string, error) {
	found := map[string]bool{}
	for _, f := range r.functions {
		var d declaredFunction
		if err := f.resource.Decode(&d); err != nil {
			return "", err
		}
		base := d.Environment.Variables["WIKIBOT_BASE_URL"]
		if base == "" {
			continue
		}
		u, err := url.Parse(base)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return "", fmt.Errorf("%s: the base URL %q is no https URL", f.resource.Path(), base)
		}
		found[u.Host] = true
	}
	if len(found) != 1 {
		return "", fmt.Errorf("the functions are to have one base URL, and have %d", len(found))
	}
	for host := range found {
		return strings.ToLower(host), nil
	}
	return "", nil
}
