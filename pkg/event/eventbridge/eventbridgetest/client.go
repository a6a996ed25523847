package eventbridgetest

import (
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// inProcess answers requests by calling a handler, without a network: in a
// bubble of testing/synctest a network call would never be done.
type inProcess struct{ handler http.Handler }

// Do implements the SDK's HTTPClient.
func (c inProcess) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

var nobody = credentials.NewStaticCredentialsProvider("test", "test", "")

// Client returns the SDK's client for a bus, or for whatever stands before it.
func Client(bus http.Handler) *eventbridge.Client {
	return eventbridge.New(eventbridge.Options{
		Region: region, Credentials: nobody, HTTPClient: inProcess{bus}, BaseEndpoint: aws.String("http://events.test"),
	})
}

// QueueClient returns the SDK's client for queues, or for whatever stands before
// them.
func QueueClient(queues http.Handler) *sqs.Client {
	return sqs.New(sqs.Options{
		Region: region, Credentials: nobody, HTTPClient: inProcess{queues}, BaseEndpoint: aws.String("http://sqs.test"),
	})
}
