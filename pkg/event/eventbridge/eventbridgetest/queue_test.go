package eventbridgetest_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
)

func TestQueueOverTheWire(t *testing.T) {
	queues := eventbridgetest.NewQueues("http://sqs.test")
	queues.Add("dead", 0)
	server := httptest.NewServer(queues)
	defer server.Close()
	client := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("k", "s", "")})
	ctx := t.Context()

	found, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("dead")})
	if err != nil {
		t.Fatal(err)
	}
	url := found.QueueUrl
	if _, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("über\n"), MessageAttributes: map[string]types.MessageAttributeValue{
		"reason": {DataType: aws.String("String"), StringValue: aws.String("broken")},
	}}); err != nil {
		t.Fatal(err)
	}
	got, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, MessageAttributeNames: []string{"All"}})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	m := got.Messages[0]
	if *m.Body != "über\n" || *m.MessageAttributes["reason"].StringValue != "broken" {
		t.Errorf("received %+v", m)
	}
	count := func() map[string]string {
		out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Attributes
	}
	if diff := cmp.Diff(map[string]string{"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "1"}, count()); diff != "" {
		t.Error(diff)
	}
	if _, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0"}, count()); diff != "" {
		t.Error(diff)
	}
	_, err = client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("other")})
	if missing, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
		t.Errorf("a queue that does not exist: %v, %v", missing, err)
	}
}

func TestVisibility(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queues := eventbridgetest.NewQueues("http://sqs.test")
		q := queues.Add("dead", 10*time.Second)
		client, ctx := eventbridgetest.QueueClient(queues), t.Context()
		receive := func(seconds int32) []types.Message {
			out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: aws.String(q.URL()), MaxNumberOfMessages: 10, WaitTimeSeconds: seconds})
			if err != nil {
				t.Fatal(err)
			}
			return out.Messages
		}
		go func() { time.Sleep(3 * time.Second); q.Send("late", nil) }()
		start := time.Now()
		first := receive(20)
		if len(first) != 1 || time.Since(start) != 3*time.Second {
			t.Errorf("a waiting receiver got %d after %v", len(first), time.Since(start))
		}
		if again := receive(0); len(again) != 0 {
			t.Error("a received message is visible")
		}
		time.Sleep(10 * time.Second)
		second := receive(0)
		if len(second) != 1 {
			t.Fatal("a message that was not deleted did not come again")
		}
		// The first receiver took too long: its receipt deletes nothing.
		if _, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: aws.String(q.URL()), ReceiptHandle: first[0].ReceiptHandle}); err != nil || len(q.Messages()) != 1 {
			t.Errorf("%d messages, %v", len(q.Messages()), err)
		}
		if _, err := client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: aws.String(q.URL()), ReceiptHandle: second[0].ReceiptHandle}); err != nil {
			t.Error(err)
		}
		if len(receive(0)) != 1 {
			t.Error("a released message is not visible")
		}
	})
}

func TestMessagesThatSQSRefuses(t *testing.T) {
	queues := eventbridgetest.NewQueues("http://sqs.test")
	q := queues.Add("dead", 0)
	client := eventbridgetest.QueueClient(queues)
	for why, body := range map[string]string{"too large": strings.Repeat("x", 256<<10+1), "no characters of XML": "\uffff", "control characters": "\x01", "empty": ""} {
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(q.URL()), MessageBody: &body}); err == nil {
			t.Errorf("%s: accepted", why)
		}
	}
}
