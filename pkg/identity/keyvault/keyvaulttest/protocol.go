package keyvaulttest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// failure is an error by its name in the API reference.
type failure struct{ name, message string }

func (f *failure) Error() string { return f.name + ": " + f.message }

// typed makes an operation of a function from its input to its output.
func typed[In, Out any](f func(In) (Out, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		var in In
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&in); err != nil {
			return nil, &failure{"InvalidRequestException", "the body is not the JSON of this operation"}
		}
		return f(in)
	}
}

func write(w http.ResponseWriter, out any, err error) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if f, ok := errors.AsType[*failure](err); ok {
		w.Header().Set("X-Amzn-ErrorType", f.name)
		status := http.StatusBadRequest
		if f.name == "InternalServiceError" {
			status = http.StatusInternalServerError
		}
		w.WriteHeader(status)
		out = map[string]string{"__type": f.name, "Message": f.message}
	}
	json.NewEncoder(w).Encode(out) // the client is gone if this fails
}

type getInput struct{ SecretId, VersionId, VersionStage string }

type getOutput struct {
	ARN, Name, SecretString, VersionId string
	VersionStages                      []string
	CreatedDate                        float64 // Unix seconds
}

func (s *Secrets) getSecretValue(in getInput) (*getOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.find(in.SecretId)
	if sec == nil {
		return nil, noSecret
	}
	id := in.VersionId
	if id == "" {
		if in.VersionStage == "" {
			in.VersionStage = current
		}
		id = sec.labelled(in.VersionStage)
	}
	v := sec.versions[id]
	if v == nil {
		return nil, &failure{"ResourceNotFoundException", "Secrets Manager can't find the specified secret value."}
	}
	return &getOutput{
		ARN: s.arn(sec), Name: sec.name, SecretString: v.text, VersionId: id, VersionStages: v.labels, CreatedDate: float64(v.created.Unix()),
	}, nil
}

type putInput struct {
	SecretId, ClientRequestToken, SecretString string
	VersionStages                              []string
}

type changeOutput struct {
	ARN, Name, VersionId string   `json:",omitempty"`
	VersionStages        []string `json:",omitempty"`
}

func (s *Secrets) putSecretValue(in putInput) (*changeOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.find(in.SecretId)
	switch {
	case sec == nil:
		return nil, noSecret
	case len(in.ClientRequestToken) < 32 || len(in.ClientRequestToken) > 64:
		return nil, &failure{"InvalidParameterException", "ClientRequestToken: 32 to 64 characters"}
	}
	id := in.ClientRequestToken
	v, repeated := sec.versions[id], sec.versions[id] != nil
	if repeated && v.text != in.SecretString {
		return nil, &failure{"ResourceExistsException", "A version of that id exists, with another value."}
	}
	if !repeated {
		if len(in.VersionStages) == 0 {
			in.VersionStages = []string{current}
		}
		first := len(sec.versions) == 0
		v = newText(in.SecretString)
		sec.versions[id] = v
		for _, label := range in.VersionStages {
			sec.move(label, id)
		}
		if first {
			sec.move(current, id)
		}
	}
	return &changeOutput{ARN: s.arn(sec), Name: sec.name, VersionId: id, VersionStages: v.labels}, nil
}

type labelInput struct{ SecretId, VersionStage, MoveToVersionId, RemoveFromVersionId string }

func (s *Secrets) updateSecretVersionStage(in labelInput) (*changeOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.find(in.SecretId)
	if sec == nil {
		return nil, noSecret
	}
	has := sec.labelled(in.VersionStage)
	switch {
	case in.MoveToVersionId == "":
		return nil, &failure{"InvalidParameterException", "labels are only moved here, never removed"}
	case sec.versions[in.MoveToVersionId] == nil:
		return nil, &failure{"ResourceNotFoundException", "Secrets Manager can't find the version to move the label to."}
	case has != in.MoveToVersionId && has != in.RemoveFromVersionId:
		return nil, &failure{"InvalidParameterException", "The label is not attached to the version it is to be removed from."}
	}
	sec.move(in.VersionStage, in.MoveToVersionId)
	return &changeOutput{ARN: s.arn(sec), Name: sec.name}, nil
}

var noSecret = &failure{"ResourceNotFoundException", "Secrets Manager can't find the specified secret."}

func newVersion() string {
	var id [16]byte
	rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}
