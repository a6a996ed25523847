package events

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventsv1 "wikibot.io/contracts/events/v1"
)

// Type names an event and so the data it carries.
type Type string

// The types in use. Each is emitted by the one service that owns its noun.
const (
	UserCreated  Type = "user.created"
	UserDeleted  Type = "user.deleted"
	WikiCreated  Type = "wiki.created"
	WikiUpdated  Type = "wiki.updated"
	WikiDeleted  Type = "wiki.deleted"
	GrantChanged Type = "grant.changed"
	PageSaved    Type = "page.saved"
	PageRenamed  Type = "page.renamed"
	PageDeleted  Type = "page.deleted"
	IndexUpdated Type = "index.updated"
)

// Pages are the types that report a step of a wiki's head.
var Pages = []Type{PageSaved, PageRenamed, PageDeleted}

// Version is the version of data that [New] writes, for every type.
const Version = 1

// Actor is who caused an event: a person, perhaps through an agent.
type Actor = eventsv1.Actor

// New returns an envelope with a fresh id, the type that belongs to data, and
// no trace parent. The data is one of the generated messages, by pointer.
func New(now time.Time, wikiID string, actor *Actor, data any) (*eventsv1.Envelope, error) {
	env := &eventsv1.Envelope{
		Id:      NewID(now),
		Version: Version,
		Time:    timestamppb.New(now),
		WikiId:  wikiID,
		Actor:   actor,
	}
	switch d := data.(type) {
	case *eventsv1.UserCreated:
		env.Data = &eventsv1.Envelope_UserCreated{UserCreated: d}
	case *eventsv1.UserDeleted:
		env.Data = &eventsv1.Envelope_UserDeleted{UserDeleted: d}
	case *eventsv1.WikiCreated:
		env.Data = &eventsv1.Envelope_WikiCreated{WikiCreated: d}
	case *eventsv1.WikiUpdated:
		env.Data = &eventsv1.Envelope_WikiUpdated{WikiUpdated: d}
	case *eventsv1.WikiDeleted:
		env.Data = &eventsv1.Envelope_WikiDeleted{WikiDeleted: d}
	case *eventsv1.GrantChanged:
		env.Data = &eventsv1.Envelope_GrantChanged{GrantChanged: d}
	case *eventsv1.PageSaved:
		env.Data = &eventsv1.Envelope_PageSaved{PageSaved: d}
	case *eventsv1.PageRenamed:
		env.Data = &eventsv1.Envelope_PageRenamed{PageRenamed: d}
	case *eventsv1.PageDeleted:
		env.Data = &eventsv1.Envelope_PageDeleted{PageDeleted: d}
	case *eventsv1.IndexUpdated:
		env.Data = &eventsv1.Envelope_IndexUpdated{IndexUpdated: d}
	default:
		return nil, fmt.Errorf("make event: %T is no event data", data)
	}
	env.Type = string(typeOf(env))
	return env, nil
}

// NewID returns a unique id that sorts by time: a ULID in lower case.
func NewID(now time.Time) string {
	return strings.ToLower(ulid.MustNew(ulid.Timestamp(now), rand.Reader).String())
}

// CommitOf returns the head step that a page event reports, or nil for any
// other event.
func CommitOf(env *eventsv1.Envelope) *eventsv1.Commit {
	switch d := env.GetData().(type) {
	case *eventsv1.Envelope_PageSaved:
		return d.PageSaved.GetCommit()
	case *eventsv1.Envelope_PageRenamed:
		return d.PageRenamed.GetCommit()
	case *eventsv1.Envelope_PageDeleted:
		return d.PageDeleted.GetCommit()
	}
	return nil
}

// Marshal encodes an event as one line of JSON whose bytes depend on nothing
// but the event.
func Marshal(env *eventsv1.Envelope) ([]byte, error) {
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(env)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", env.GetId(), err)
	}
	// protojson varies its white space on purpose.
	var line bytes.Buffer
	if err := json.Compact(&line, raw); err != nil {
		return nil, fmt.Errorf("encode event %s: %w", env.GetId(), err)
	}
	return line.Bytes(), nil
}

// Unmarshal decodes an event and checks that its type and its data agree.
// Unknown fields, as a newer writer would add them, are ignored.
func Unmarshal(line []byte) (*eventsv1.Envelope, error) {
	env := new(eventsv1.Envelope)
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(line, env); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	if env.GetId() == "" || env.GetTime() == nil {
		return nil, fmt.Errorf("decode event: id or time missing")
	}
	if want := typeOf(env); string(want) != env.GetType() {
		return nil, fmt.Errorf("decode event %s: type %q does not match its data (%q)", env.GetId(), env.GetType(), want)
	}
	return env, nil
}

func typeOf(env *eventsv1.Envelope) Type {
	switch env.GetData().(type) {
	case *eventsv1.Envelope_UserCreated:
		return UserCreated
	case *eventsv1.Envelope_UserDeleted:
		return UserDeleted
	case *eventsv1.Envelope_WikiCreated:
		return WikiCreated
	case *eventsv1.Envelope_WikiUpdated:
		return WikiUpdated
	case *eventsv1.Envelope_WikiDeleted:
		return WikiDeleted
	case *eventsv1.Envelope_GrantChanged:
		return GrantChanged
	case *eventsv1.Envelope_PageSaved:
		return PageSaved
	case *eventsv1.Envelope_PageRenamed:
		return PageRenamed
	case *eventsv1.Envelope_PageDeleted:
		return PageDeleted
	case *eventsv1.Envelope_IndexUpdated:
		return IndexUpdated
	}
	return ""
}
