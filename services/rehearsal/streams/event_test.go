package streams

import (
	"encoding/json"
	"testing"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// The event is read back by the types that functions read it with.
func TestEventIsWhatFunctionsRead(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	payload, err := event("arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/1", []types.Record{{
		EventID: aws.String("id"), EventName: types.OperationTypeRemove, EventVersion: aws.String("1.1"), AwsRegion: aws.String("us-east-1"),
		UserIdentity: &types.Identity{Type: aws.String("Service"), PrincipalId: aws.String("dynamodb.amazonaws.com")},
		Dynamodb: &types.StreamRecord{
			ApproximateCreationDateTime: &at, SequenceNumber: aws.String("111"), SizeBytes: aws.Int64(26), StreamViewType: types.StreamViewTypeNewAndOldImages,
			Keys: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "a"}},
			OldImage: map[string]types.AttributeValue{
				"n": &types.AttributeValueMemberN{Value: "12"}, "b": &types.AttributeValueMemberB{Value: []byte{0, 255}},
				"t": &types.AttributeValueMemberBOOL{Value: true}, "null": &types.AttributeValueMemberNULL{Value: true},
				"ss": &types.AttributeValueMemberSS{Value: []string{"x"}}, "ns": &types.AttributeValueMemberNS{Value: []string{"1"}},
				"bs": &types.AttributeValueMemberBS{Value: [][]byte{{1}}},
				"l":  &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"k": &types.AttributeValueMemberS{Value: "deep"}}}}},
			},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got lambdaevents.DynamoDBEvent
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	r := got.Records[0]
	old := r.Change.OldImage
	if r.EventName != "REMOVE" || r.Change.SequenceNumber != "111" || r.Change.Keys["pk"].String() != "a" || !r.Change.ApproximateCreationDateTime.Equal(at) ||
		r.UserIdentity == nil || r.UserIdentity.PrincipalID != "dynamodb.amazonaws.com" {
		t.Errorf("record %+v", r)
	}
	if old["n"].Number() != "12" || old["b"].Binary()[1] != 255 || !old["t"].Boolean() || !old["null"].IsNull() || old["ss"].StringSet()[0] != "x" ||
		old["ns"].NumberSet()[0] != "1" || old["bs"].BinarySet()[0][0] != 1 || old["l"].List()[0].Map()["k"].String() != "deep" {
		t.Errorf("old image %+v", old)
	}
	if r.Change.NewImage != nil {
		t.Errorf("new image %v of an item that is gone", r.Change.NewImage)
	}
}
