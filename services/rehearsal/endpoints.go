package rehearsal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"wikibot.io/services/rehearsal/chaos"
	"wikibot.io/services/rehearsal/endpoint"
	"wikibot.io/services/rehearsal/iam"
)

// operatorKey is the operator's access key id.
const operatorKey = "ASIAOPERATOR"

// startEndpoints puts the doors of AWS's APIs up and completes what functions
// are told about them.
func (r *Rehearsal) startEndpoints(edgeKeys []string) error {
	emulator, err := url.Parse(r.emulator.Endpoint)
	if err != nil {
		return fmt.Errorf("address of DynamoDB Local: %w", err)
	}
	place := endpoint.Place{Region: region, Account: account}
	r.access = access{baseURL: r.url, edgeKeys: strings.Join(edgeKeys, ","), region: region, endpoints: map[string]string{}}
	r.callers[operatorKey] = endpoint.Caller{Name: Operator, Role: "arn:aws:iam::" + account + ":role/operator", Policy: iam.Policy{{Actions: []string{"*"}, Resources: []string{"*"}}}}
	var errs []error
	for i, row := range []struct {
		name string
		api  endpoint.API
		next http.Handler
	}{
		{"DYNAMODB", endpoint.DynamoDB{Place: place}, r.reverse(emulator)},
		{"EVENTBRIDGE", endpoint.EventBridge{Place: place}, http.HandlerFunc(r.busCalls)},
		{"SQS", endpoint.SQS{Place: place}, r.queues},
		{"SECRETS_MANAGER", endpoint.SecretsManager{Place: place}, http.HandlerFunc(r.secretCalls)},
		{"SSM", endpoint.ParameterStore{Place: place}, http.HandlerFunc(r.parameterCalls)},
	} {
		r.dice[row.name] = chaos.New(r.opts.Seed + uint64(i)) //nolint:gosec // small
		door, err := endpoint.New(endpoint.Deps{API: row.api, Next: row.next, Callers: r.callers, Dice: r.dice[row.name], Meter: r.meter, Log: r.log})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		address, err := r.serve(door)
		errs = append(errs, err)
		r.access.endpoints["AWS_ENDPOINT_URL_"+row.name] = address
	}
	return errors.Join(errs...)
}

// reverse passes calls on to the emulator. Connections to it are kept: it has no
// other client as busy.
func (r *Rehearsal) reverse(to *url.URL) http.Handler {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }, Transport: transport, ErrorLog: slog.NewLogLogger(r.log.Handler(), slog.LevelDebug)}
}

// startSecrets makes the secrets of the deployment, without a value, as it would.
func (r *Rehearsal) startSecrets() error {
	for _, s := range r.deployment.Resources("AWS::SecretsManager::Secret") {
		if s.Properties["GenerateSecretString"] != nil || s.Properties["SecretString"] != nil {
			return fmt.Errorf("%s: a value made by the template is not rehearsed", s.Path())
		}
		r.secrets.Create(s.Name())
	}
	return nil
}

// parameterCalls answers GetParameter: whatever parameter a role may read holds
// the secret at the identity provider. There is no other yet.
func (r *Rehearsal) parameterCalls(w http.ResponseWriter, req *http.Request) {
	var in struct {
		Name           string
		WithDecryption bool
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err := json.NewDecoder(req.Body).Decode(&in); err != nil || !in.WithDecryption || r.opts.SignIn == nil || r.opts.SignIn.Secret == "" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"ParameterNotFound"}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{"Name": in.Name, "Type": "SecureString", "Value": r.opts.SignIn.Secret}})
}

// secretCalls names the secret as the stand-in does, whose ARNs are its own.
func (r *Rehearsal) secretCalls(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var in map[string]any
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err == nil {
		id, _ := in["SecretId"].(string)
		if res, ok := r.deployment.Find(id); ok && res.Type == "AWS::SecretsManager::Secret" {
			in["SecretId"] = res.Name()
			body, _ = json.Marshal(in) // it was JSON before
		}
	}
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.secrets.ServeHTTP(w, req)
}
