package streams

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// event writes records as Lambda's DynamoDB event.
func event(stream string, records []types.Record) ([]byte, error) {
	list := make([]map[string]any, 0, len(records))
	for _, r := range records {
		m := map[string]any{
			"eventID": deref(r.EventID), "eventName": string(r.EventName), "eventVersion": deref(r.EventVersion),
			"eventSource": "aws:dynamodb", "awsRegion": deref(r.AwsRegion), "eventSourceARN": stream,
		}
		if r.UserIdentity != nil {
			m["userIdentity"] = map[string]any{"type": deref(r.UserIdentity.Type), "principalId": deref(r.UserIdentity.PrincipalId)}
		}
		if r.Dynamodb != nil {
			change, err := changeOf(r.Dynamodb)
			if err != nil {
				return nil, fmt.Errorf("record %s: %w", deref(r.EventID), err)
			}
			m["dynamodb"] = change
		}
		list = append(list, m)
	}
	return json.Marshal(map[string]any{"Records": list})
}

func changeOf(r *types.StreamRecord) (map[string]any, error) {
	m := map[string]any{"SequenceNumber": deref(r.SequenceNumber), "StreamViewType": string(r.StreamViewType)}
	if r.SizeBytes != nil {
		m["SizeBytes"] = *r.SizeBytes
	}
	if r.ApproximateCreationDateTime != nil {
		m["ApproximateCreationDateTime"] = float64(r.ApproximateCreationDateTime.Unix())
	}
	for name, image := range map[string]map[string]types.AttributeValue{"Keys": r.Keys, "NewImage": r.NewImage, "OldImage": r.OldImage} {
		if image == nil {
			continue
		}
		v, err := item(image)
		if err != nil {
			return nil, err
		}
		m[name] = v
	}
	return m, nil
}

func item(image map[string]types.AttributeValue) (map[string]any, error) {
	m := make(map[string]any, len(image))
	for name, v := range image {
		value, err := attribute(v)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		m[name] = value
	}
	return m, nil
}

// attribute writes a value in DynamoDB's JSON: {"S": "text"}.
func attribute(v types.AttributeValue) (map[string]any, error) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}, nil
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}, nil
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}, nil
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": v.Value}, nil
	case *types.AttributeValueMemberB:
		return map[string]any{"B": base64.StdEncoding.EncodeToString(v.Value)}, nil
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": v.Value}, nil
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": v.Value}, nil
	case *types.AttributeValueMemberBS:
		return map[string]any{"BS": v.Value}, nil
	case *types.AttributeValueMemberM:
		m, err := item(v.Value)
		return map[string]any{"M": m}, err
	case *types.AttributeValueMemberL:
		list := make([]any, 0, len(v.Value))
		for _, e := range v.Value {
			value, err := attribute(e)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return map[string]any{"L": list}, nil
	}
	return nil, fmt.Errorf("a %T is no attribute value", v)
}

// failure is the record that an on-failure destination gets: where the records
// were in the stream, not what they were.
func failure(m Mapping, shard string, s span, condition string) ([]byte, error) {
	first, last := s.records[0].Dynamodb, s.records[len(s.records)-1].Dynamodb
	return json.Marshal(map[string]any{
		"requestContext": map[string]any{
			"requestId": strings.ToLower(rand.Text()), "functionArn": m.Function,
			"condition": condition, "approximateInvokeCount": s.attempts,
		},
		"responseContext": map[string]any{"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
		"version":         "1.0",
		"timestamp":       stamp(time.Now()),
		"DDBStreamBatchInfo": map[string]any{
			"shardId": shard, "streamArn": m.Stream, "batchSize": len(s.records),
			"startSequenceNumber": sequence(first), "endSequenceNumber": sequence(last),
			"approximateArrivalOfFirstRecord": arrival(first), "approximateArrivalOfLastRecord": arrival(last),
		},
	})
}

func sequence(r *types.StreamRecord) string {
	if r == nil {
		return ""
	}
	return deref(r.SequenceNumber)
}

func arrival(r *types.StreamRecord) string {
	if r == nil || r.ApproximateCreationDateTime == nil {
		return ""
	}
	return stamp(*r.ApproximateCreationDateTime)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
