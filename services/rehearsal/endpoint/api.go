package endpoint

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"wikibot.io/services/rehearsal/chaos"
	"wikibot.io/services/rehearsal/iam"
)

// API describes what the door needs to know of one of AWS's APIs.
type API interface {
	// Calls names what a request does, to be judged by the caller's policy.
	Calls(action string, body []byte) ([]iam.Request, error)
	// Error is an error answer in this API's words.
	Error(status int, kind, message string) Refusal
	// Fault is how the API answers a call that is to fail before it is done; ok
	// is false if it is to be done.
	Fault(f chaos.Fault, action string, items int) (refusal Refusal, ok bool)
	// Prepare changes a request before it is done, so that the answer says what
	// it consumed.
	Prepare(action string, body []byte) []byte
	// Consumed reads that from the answer: capacity units by resource name.
	Consumed(action string, answer []byte) map[string]float64
}

// Place is where a deployment is.
type Place struct{ Region, Account string }

// arn returns "arn:aws:service:region:account:rest".
func (p Place) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + p.Region + ":" + p.Account + ":" + rest
}

// plain is what the JSON protocols have in common.
type plain struct{ prefix string }

func (p plain) Error(status int, kind, message string) Refusal {
	return Refusal{Status: status, Body: map[string]any{"__type": p.prefix + kind, "message": message, "Message": message}}
}

func (p plain) Fault(f chaos.Fault, _ string, _ int) (Refusal, bool) {
	switch f {
	case chaos.Throttle:
		return p.Error(http.StatusBadRequest, "ThrottlingException", "Rate exceeded"), true
	case chaos.Fail:
		return p.Error(http.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an unknown error."), true
	}
	return Refusal{}, false
}

func (plain) Prepare(_ string, body []byte) []byte           { return body }
func (plain) Consumed(_ string, _ []byte) map[string]float64 { return nil }

// EventBridge describes events:PutEvents.
type EventBridge struct {
	plain
	Place Place
}

// Calls names the buses that a request puts events on.
func (a EventBridge) Calls(action string, body []byte) ([]iam.Request, error) {
	var in struct {
		Entries []struct{ EventBusName string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	var calls []iam.Request
	for _, entry := range in.Entries {
		bus := entry.EventBusName
		if bus == "" {
			bus = "default"
		}
		if !strings.HasPrefix(bus, "arn:") {
			bus = a.Place.arn("events", "event-bus/"+bus)
		}
		calls = append(calls, iam.Request{Action: "events:" + action, Resource: bus})
	}
	return calls, nil
}

// SQS describes the calls on one queue.
type SQS struct {
	plain
	Place Place
}

// Calls names the queue.
func (a SQS) Calls(action string, body []byte) ([]iam.Request, error) {
	var in struct{ QueueUrl string } //nolint:revive // SQS spells it so
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	name := in.QueueUrl[strings.LastIndexByte(in.QueueUrl, '/')+1:]
	// There is no action of its own for batches.
	return []iam.Request{{Action: "sqs:" + strings.TrimSuffix(action, "Batch"), Resource: a.Place.arn("sqs", name)}}, nil
}

// SecretsManager describes the calls on one secret.
type SecretsManager struct {
	plain
	Place Place
}

// Calls names the secret.
func (a SecretsManager) Calls(action string, body []byte) ([]iam.Request, error) {
	var in struct{ SecretId string } //nolint:revive // Secrets Manager spells it so
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	secret := in.SecretId
	if !strings.HasPrefix(secret, "arn:") {
		secret = a.Place.arn("secretsmanager", "secret:"+secret)
	}
	return []iam.Request{{Action: "secretsmanager:" + action, Resource: secret}}, nil
}

// ParameterStore describes the calls on one parameter.
type ParameterStore struct {
	plain
	Place Place
}

// Calls names the parameter.
func (a ParameterStore) Calls(action string, body []byte) ([]iam.Request, error) {
	var in struct{ Name string }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	return []iam.Request{{Action: "ssm:" + action, Resource: a.Place.arn("ssm", "parameter/"+strings.TrimPrefix(in.Name, "/"))}}, nil
}
