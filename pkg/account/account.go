package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/names"
	"wikibot.io/pkg/records"
)

// DevProvider is the provider of identities that the development sign-in and
// the command line vouch for. The subject is the folded e-mail address.
const DevProvider = "dev"

// DevIdentity is the identity of an e-mail address that somebody vouched for by
// word alone.
func DevIdentity(email string) records.Identity {
	return records.Identity{Provider: DevProvider, Subject: strings.ToLower(email)}
}

// Store is where Register keeps users: see [records.Users].
type Store interface {
	CreateUser(ctx context.Context, u records.User, ids ...records.Identity) error
}

// Registration is what a new user is made from.
type Registration struct {
	Email       string
	Username    string
	DisplayName string             // defaults to Username
	Tier        records.Tier       // defaults to records.Free
	Identities  []records.Identity // default to the e-mail address under DevProvider
}

// Register creates a user. The error is fault.Invalid with every field that is
// wrong ("email", "username", "display_name"), or fault.Exists with every one
// that is taken.
func Register(ctx context.Context, store Store, r Registration) (records.User, error) {
	var wrong []fault.Field
	wrong = append(wrong, names.Fields("email", names.Email(r.Email))...)
	wrong = append(wrong, names.Fields("username", names.Label(r.Username))...)
	if r.DisplayName == "" {
		r.DisplayName = r.Username
	} else {
		wrong = append(wrong, names.Fields("display_name", names.Display(r.DisplayName))...)
	}
	switch r.Tier {
	case "":
		r.Tier = records.Free
	case records.Free, records.Premium:
	default:
		wrong = append(wrong, fault.Field{Name: "tier", Msg: "is no plan: use free or premium"})
	}
	if err := fault.InvalidFields("create user", wrong); err != nil {
		return records.User{}, err
	}
	if len(r.Identities) == 0 {
		r.Identities = []records.Identity{DevIdentity(r.Email)}
	}
	now := time.Now().UTC()
	u := records.User{
		ID: events.NewID(now), Username: r.Username, Email: r.Email,
		DisplayName: r.DisplayName, Tier: r.Tier, CreatedAt: now,
	}
	if err := store.CreateUser(ctx, u, r.Identities...); err != nil {
		return records.User{}, taken(err)
	}
	return u, nil
}

// taken puts the records' findings into words for a form.
func taken(err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Exists || len(e.Fields) == 0 {
		return err
	}
	says := map[string]string{
		"username": "is taken: choose another",
		"email":    "belongs to another user",
		"identity": "belongs to another user",
	}
	mended := fault.Wrap(err, fault.Exists, "create user: it exists already")
	for _, f := range e.Fields {
		if msg, ok := says[f.Name]; ok {
			f.Msg = msg
		}
		mended.Fields = append(mended.Fields, f)
	}
	return mended
}
