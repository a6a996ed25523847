package eventbridgetest

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxMessageBytes bounds a message's body and attributes together.
const maxMessageBytes = 256 << 10

// sqsError is an error of SQS's protocol.
type sqsError struct{ code, msg string }

func (e *sqsError) Error() string { return e.code + ": " + e.msg }

// attribute is a message attribute on the wire.
type attribute struct {
	DataType    string
	StringValue string
}

// sqsRequest holds the parameters of every operation that is understood.
type sqsRequest struct {
	QueueName, QueueURL         string
	MessageBody                 string
	MessageAttributes           map[string]attribute
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             int
	MessageAttributeNames       []string
	AttributeNames              []string
	MessageSystemAttributeNames []string
	ReceiptHandle               string
}

// ServeHTTP answers SendMessage, ReceiveMessage, DeleteMessage,
// ChangeMessageVisibility, GetQueueAttributes and GetQueueUrl.
func (s *Queues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	if r.Method != http.MethodPost || !ok {
		fail(w, json10, http.StatusBadRequest, "UnknownOperationException", "only SQS's JSON protocol is understood")
		return
	}
	var req sqsRequest
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err == nil {
		err = json.Unmarshal(body, &req)
	}
	if err != nil {
		fail(w, json10, http.StatusBadRequest, "SerializationException", err.Error())
		return
	}
	out, problem := s.do(r.Context(), action, req)
	if problem != nil {
		// SQS was a query service once: clients read the code from this header.
		w.Header().Set("X-Amzn-Query-Error", strings.TrimPrefix(problem.code, "com.amazonaws.sqs#")+";Sender")
		fail(w, json10, http.StatusBadRequest, problem.code, problem.msg)
		return
	}
	answer(w, json10, out)
}

func (s *Queues) do(ctx context.Context, action string, req sqsRequest) (any, *sqsError) {
	name := req.QueueName
	if action != "GetQueueUrl" {
		name = path.Base(req.QueueURL)
	}
	q := s.Queue(name)
	if q == nil {
		return nil, &sqsError{"com.amazonaws.sqs#QueueDoesNotExist", "the queue does not exist"}
	}
	switch action {
	case "GetQueueUrl":
		return map[string]string{"QueueUrl": q.URL()}, nil
	case "GetQueueAttributes":
		return map[string]any{"Attributes": chosen(q.attributes(), req.AttributeNames)}, nil
	case "SendMessage":
		return send(q, req)
	case "ReceiveMessage":
		return receive(ctx, q, req)
	case "DeleteMessage":
		q.delete(req.ReceiptHandle)
		return struct{}{}, nil
	case "ChangeMessageVisibility":
		if req.VisibilityTimeout == nil || !q.hide(req.ReceiptHandle, time.Duration(*req.VisibilityTimeout)*time.Second) {
			return nil, &sqsError{"com.amazonaws.sqs#ReceiptHandleIsInvalid", "no such message is being processed"}
		}
		return struct{}{}, nil
	}
	return nil, &sqsError{"UnknownOperationException", action + " is not understood"}
}

func send(q *Queue, req sqsRequest) (any, *sqsError) {
	size := len(req.MessageBody)
	attrs := map[string]string{}
	for name, a := range req.MessageAttributes {
		if a.DataType != "String" || a.StringValue == "" || !unicodeAllowed(a.StringValue) {
			return nil, &sqsError{"InvalidParameterValue", "attribute " + name + " is not a filled string"}
		}
		size += len(name) + len(a.DataType) + len(a.StringValue)
		attrs[name] = a.StringValue
	}
	switch {
	case req.MessageBody == "":
		return nil, &sqsError{"MissingParameter", "the message is empty"}
	case len(attrs) > 10:
		return nil, &sqsError{"InvalidParameterValue", "a message has at most 10 attributes"}
	case size > maxMessageBytes:
		return nil, &sqsError{"InvalidParameterValue", fmt.Sprintf("a message is at most %d bytes", maxMessageBytes)}
	case !unicodeAllowed(req.MessageBody):
		return nil, &sqsError{"com.amazonaws.sqs#InvalidMessageContents", "the message has characters that are not allowed"}
	}
	id := q.Send(req.MessageBody, attrs)
	return map[string]string{"MessageId": id, "MD5OfMessageBody": digest(req.MessageBody)}, nil
}

// unicodeAllowed: "A message can include only XML, JSON, and unformatted text":
// #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.
func unicodeAllowed(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 0x20 && r != '\t' && r != '\n' && r != '\r') || r == 0xFFFE || r == 0xFFFF
	})
}

func receive(ctx context.Context, q *Queue, req sqsRequest) (any, *sqsError) {
	n, visibility := 1, q.visibility
	if req.MaxNumberOfMessages != nil {
		n = *req.MaxNumberOfMessages
	}
	if req.VisibilityTimeout != nil {
		visibility = time.Duration(*req.VisibilityTimeout) * time.Second
	}
	if n < 1 || n > 10 || req.WaitTimeSeconds < 0 || req.WaitTimeSeconds > 20 {
		return nil, &sqsError{"InvalidParameterValue", "1 to 10 messages can be received, waiting 0 to 20 seconds"}
	}
	deadline := time.NewTimer(time.Duration(req.WaitTimeSeconds) * time.Second)
	defer deadline.Stop()
	for {
		got, more := q.receive(n, visibility)
		if len(got) > 0 || req.WaitTimeSeconds == 0 {
			return received(got, req), nil
		}
		select {
		case <-more:
		case <-deadline.C:
			return received(nil, req), nil
		case <-ctx.Done():
			return received(nil, req), nil
		}
	}
}

func received(got []receipt, req sqsRequest) any {
	messages := []map[string]any{}
	for _, m := range got {
		out := map[string]any{"MessageId": m.ID, "ReceiptHandle": m.handle, "Body": m.Body, "MD5OfBody": digest(m.Body)}
		system := chosen(map[string]string{
			"ApproximateReceiveCount": strconv.Itoa(m.Receives),
			"SentTimestamp":           strconv.FormatInt(m.Sent.UnixMilli(), 10),
		}, append(req.AttributeNames, req.MessageSystemAttributeNames...))
		if len(system) > 0 {
			out["Attributes"] = system
		}
		attrs := map[string]attribute{}
		for name, value := range chosen(m.Attributes, req.MessageAttributeNames) {
			attrs[name] = attribute{DataType: "String", StringValue: value}
		}
		if len(attrs) > 0 {
			out["MessageAttributes"] = attrs
		}
		messages = append(messages, out)
	}
	return map[string]any{"Messages": messages}
}

// chosen returns the entries that a list of names asks for.
func chosen(all map[string]string, names []string) map[string]string {
	out := map[string]string{}
	for k, v := range all {
		if slices.Contains(names, k) || slices.Contains(names, "All") || slices.Contains(names, ".*") {
			out[k] = v
		}
	}
	return out
}

// digest is what clients compare with what they sent or got.
func digest(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}
