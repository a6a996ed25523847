package relay

import (
	"encoding/json"
	"fmt"
	"strings"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/records/dynamo"
)

// The attributes of an item that say something about its event: see
// [dynamo.Image].
const (
	eventID   = "event_id"
	eventBody = "event"
	sequence  = "sequence"
	pageCount = "page_count"
)

// record is where a change was and what it says about events.
type record struct {
	Table    string
	Keys     map[string]lambdaevents.DynamoDBAttributeValue
	sequence string // sequence number within its shard
	before   dynamo.Image
	after    dynamo.Image
}

// read finds the event that a change caused. What is no event, although it
// should be, is dead.
func read(r *lambdaevents.DynamoDBEventRecord) change {
	c := change{record: &record{Table: tableOf(r.EventSourceArn), Keys: r.Change.Keys, sequence: r.Change.SequenceNumber}}
	var err error
	if c.before, err = image(r.Change.OldImage); err != nil {
		c.dead = fmt.Errorf("read old image: %w", err)
	}
	if c.after, err = image(r.Change.NewImage); err != nil {
		c.dead = fmt.Errorf("read new image: %w", err)
	}
	if c.dead == nil {
		c.env, c.dead = dynamo.Emitted(c.before, c.after)
	}
	return c
}

// tableOf takes a table's name out of its stream's ARN:
// arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL.
func tableOf(arn string) string {
	_, rest, _ := strings.Cut(arn, ":table/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// image reads an item. Attributes that are missing leave their field zero; the
// wrong type is an error, but leaves what else can be read.
func image(item map[string]lambdaevents.DynamoDBAttributeValue) (dynamo.Image, error) {
	var img dynamo.Image
	var wrong error
	for name, to := range map[string]*string{eventID: &img.EventID, eventBody: &img.Event} {
		if v, ok := item[name]; ok {
			if v.DataType() != lambdaevents.DataTypeString {
				wrong = fmt.Errorf("attribute %s is no string", name)
				continue
			}
			*to = v.String()
		}
	}
	for name, to := range map[string]*int64{sequence: &img.Sequence, pageCount: &img.PageCount} {
		if v, ok := item[name]; ok {
			if v.DataType() != lambdaevents.DataTypeNumber {
				wrong = fmt.Errorf("attribute %s is no number", name)
				continue
			}
			n, err := v.Int64()
			if err != nil {
				wrong = fmt.Errorf("attribute %s is no whole number", name)
				continue
			}
			*to = n
		}
	}
	return img, wrong
}

// Letter is the body of the relay's dead letters. Where the event could be
// decoded it has the shape of what a subscription's target gets, so that
// whatever reads dead letters reads this too; else it holds what [Recover] needs.
type Letter struct {
	Event  json.RawMessage `json:"event,omitempty"`
	Table  string          `json:"table"`
	Keys   any             `json:"keys,omitempty"` // as DynamoDB's JSON writes them
	Before *dynamo.Image   `json:"before,omitempty"`
	After  *dynamo.Image   `json:"after,omitempty"`
}

// letter is everything that is known of a change's event.
func (c change) letter() Letter {
	l := c.reference()
	if c.env != nil {
		if raw, err := events.Marshal(c.env); err == nil {
			l.Event = raw
			return l
		}
	}
	l.Before, l.After = &c.before, &c.after
	return l
}

// reference only says where the event is.
func (c change) reference() Letter { return Letter{Table: c.Table, Keys: c.Keys} }
