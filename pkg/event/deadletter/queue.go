package deadletter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"wikibot.io/pkg/fault"
)

// The message attributes that Send writes.
const (
	reasonAttribute = "reason"
	maxReason       = 1000 // bytes of it
)

// Queue is one dead-letter queue. It is safe for concurrent use.
type Queue struct {
	client *sqs.Client
	url    string
}

// New returns the queue with the given URL.
func New(client *sqs.Client, url string) (*Queue, error) {
	if client == nil || url == "" {
		return nil, errors.New("make dead-letter queue: a client and a URL are needed")
	}
	return &Queue{client, url}, nil
}

// Send keeps a letter, which is encoded as JSON, and the reason for it. After
// nil it is on stable storage. Invalid means that the queue will never take this
// letter, because it is too large; any other error that it may be tried again.
func (q *Queue) Send(ctx context.Context, reason string, letter any) error {
	body, err := json.Marshal(letter)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "write dead letter")
	}
	_, err = q.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl:    &q.url,
		MessageBody: aws.String(string(ascii(body))),
		MessageAttributes: map[string]types.MessageAttributeValue{
			reasonAttribute: {DataType: aws.String("String"), StringValue: aws.String(printable(reason))},
		},
	})
	if err == nil {
		return nil
	}
	kind := fault.Unavailable
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "InvalidParameterValue", "InvalidMessageContents":
			kind = fault.Invalid
		}
	}
	return fault.Wrap(err, kind, "keep dead letter")
}

// ascii writes the characters that SQS does not take (U+FFFE, U+FFFF), and all
// others beyond ASCII, as JSON's escapes.
func ascii(body []byte) []byte {
	if !bytes.ContainsFunc(body, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return body
	}
	var out bytes.Buffer
	for _, r := range string(body) {
		switch {
		case r < utf8.RuneSelf:
			out.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes()
}

// printable makes a text fit to be an attribute, which may be neither empty nor
// of any character.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s[:min(len(s), maxReason)])
	if s == "" {
		return "unknown"
	}
	return s
}

// Message is a letter as it was received.
type Message struct {
	ID         string
	Body       string
	Attributes map[string]string
	Sent       time.Time
	Receives   int // how often it was received, this time included
	receipt    string
}

// Receive returns up to 10 letters and hides them from other receivers for the
// given time, in whole seconds; none means that none is visible at present.
func (q *Queue) Receive(ctx context.Context, hidden time.Duration) ([]Message, error) {
	out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: 10, VisibilityTimeout: int32(hidden / time.Second),
		// Without waiting SQS asks only some of its hosts, and may find nothing
		// although there is something.
		WaitTimeSeconds:       1,
		MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameApproximateReceiveCount,
		},
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "receive dead letters")
	}
	var got []Message
	for _, m := range out.Messages {
		letter := Message{ID: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), receipt: aws.ToString(m.ReceiptHandle), Attributes: map[string]string{}}
		for name, a := range m.MessageAttributes {
			letter.Attributes[name] = aws.ToString(a.StringValue)
		}
		if ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil {
			letter.Sent = time.UnixMilli(ms)
		}
		letter.Receives, _ = strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		got = append(got, letter)
	}
	return got, nil
}

// Delete removes a received letter.
func (q *Queue) Delete(ctx context.Context, m Message) error {
	if _, err := q.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: &m.receipt}); err != nil {
		return fault.Wrap(err, fault.Unavailable, "delete dead letter %s", m.ID)
	}
	return nil
}

// Release makes a received letter visible again at once.
func (q *Queue) Release(ctx context.Context, m Message) error {
	_, err := q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: &m.receipt, VisibilityTimeout: 0})
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "release dead letter %s", m.ID)
	}
	return nil
}
