package relay

import (
	"encoding/json"
	"errors"
	"fmt"

	"wikibot.io/pkg/event/deadletter"
	"wikibot.io/pkg/records/dynamo"
)

// Recover reads a dead letter of any shape. One of the relay's own that held no
// event when it was written is tried again: this program may be newer than the
// one that failed.
func Recover(m deadletter.Message) (deadletter.Letter, error) {
	l, err := deadletter.Read(m)
	if !errors.Is(err, deadletter.ErrNoEvent) {
		return l, err
	}
	var own Letter
	if json.Unmarshal([]byte(m.Body), &own) != nil || own.Table == "" {
		return l, err
	}
	if own.After == nil {
		keys, _ := json.Marshal(own.Keys)
		return l, fmt.Errorf("read dead letter %s: the event did not fit in; it is on the item %s of table %s, unless that has changed since", m.ID, keys, own.Table)
	}
	var before dynamo.Image
	if own.Before != nil {
		before = *own.Before
	}
	env, err := dynamo.Emitted(before, *own.After)
	if err != nil {
		return l, fmt.Errorf("read dead letter %s: %w", m.ID, err)
	}
	if env == nil {
		return l, fmt.Errorf("read dead letter %s: the change caused no event", m.ID)
	}
	l.Event = env
	return l, nil
}
