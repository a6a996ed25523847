package records

import (
	"context"
	"time"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
)

// Bounds that every driver keeps.
const (
	// MaxOwned is the most wikis that one user can own, whatever their plan
	// says: SetTier has to reach all of them in one transaction.
	MaxOwned = 90
	// IdempotencyAge is how long an idempotency key is remembered.
	IdempotencyAge = 24 * time.Hour
	// MaxIdentities is the most identities that one user can have.
	MaxIdentities = 20
	// MaxEnded is the most sessions that User.Ended lists: one more ends them all.
	MaxEnded = 64
	// MaxSessions and MaxConnections are about the most that one user has: each
	// further one makes way for itself. A device or an agent that begins anew each
	// time it starts, without ever ending what it had, would pile them up until they
	// expire, and they are all read when they are listed.
	MaxSessions    = 100
	MaxConnections = 100
)

// Tier is what a user pays for.
type Tier string

// The tiers.
const (
	Free    Tier = "free"
	Premium Tier = "premium"
)

// Role is what a user or token may do in one wiki.
type Role string

// The roles, from most to least.
const (
	Owner  Role = "owner"
	Editor Role = "editor"
	Viewer Role = "viewer"
)

// User is a person. ID is immutable; everything else may change.
type User struct {
	ID          string // ULID
	Username    string // in the one namespace of usernames and slugs
	Email       string // as typed; unique when folded
	DisplayName string // what commits carry; defaults to Username
	Tier        Tier
	Wikis       int // wikis owned, as counted by CreateWiki and DeleteWiki
	CreatedAt   time.Time

	// Ended are the sessions that EndSession ended before all that was signed for
	// them has run out: session id to when it will have. SignedOut is when all
	// sessions were ended: what was signed in that second or earlier is void.
	Ended     map[string]time.Time
	SignedOut time.Time

	// DeletedAt is when the user asked to be forgotten; zero for everybody whom
	// [Users] returns.
	DeletedAt time.Time
}

// Identity is a sign-in provider's name for a user.
type Identity struct {
	Provider string // "dev", or an issuer URL
	Subject  string // the provider's own immutable id
}

// UserChange lists what UpdateUser sets; nil leaves a field as it is.
type UserChange struct {
	DisplayName *string
}

// Users keeps users, their identities and the reservations of their names.
type Users interface {
	// CreateUser reserves username, e-mail and identities, writes the user and
	// emits user.created, all or nothing. Exists names the field that is taken
	// ("id", "username", "email", "identity"); all taken ones are listed, each
	// once. Invalid without an identity or with more than MaxIdentities. A
	// missing DisplayName, Tier or CreatedAt becomes the username, Free and now;
	// Wikis starts at 0 whatever u says. Names are compared byte by byte: the
	// caller has checked that they are well-formed.
	CreateUser(ctx context.Context, u User, ids ...Identity) error
	// User and the two after it find nobody who is leaving: see [Departures].
	User(ctx context.Context, id string) (User, error)
	UserByIdentity(ctx context.Context, id Identity) (User, error)
	// UserByEmail ignores case, surrounding space and Unicode composition.
	UserByEmail(ctx context.Context, email string) (User, error)
	// UpdateUser applies the change and returns the user. A change of nothing only
	// reads. It emits nothing.
	UpdateUser(ctx context.Context, id string, c UserChange) (User, error)
	// IdentitiesOfUser lists a user's identities, by provider and subject.
	IdentitiesOfUser(ctx context.Context, userID string) ([]Identity, error)
	// AddIdentity reserves one more identity for the user. Exists names "identity"
	// when it is somebody's (nothing happens when it is the user's own), NotFound,
	// Limit at MaxIdentities.
	AddIdentity(ctx context.Context, userID string, id Identity) error
	// SetTier changes the user's tier and copies it to every wiki they own, in
	// one transaction: they are MaxOwned at most. It emits nothing.
	SetTier(ctx context.Context, userID string, tier Tier) error
}

// Wiki is one wiki's record: everything a request needs to know about it before
// it touches git, in one read.
type Wiki struct {
	ID      string // ULID; names the folder on disk
	Slug    string
	Name    string
	OwnerID string
	Tier    Tier // the owner's
	Public  bool // anyone may read

	Head      string    // 40 hex digits; "" before the first commit
	Sequence  int64     // steps of the head so far
	HeadAt    time.Time // time of the last step; CreatedAt before the first
	PageCount int64
	FileBytes int64 // attachments in the head's tree

	// BasePacks are the names of the consolidated packs, lowest first; what
	// gitstore.Repo.Fold returned. They hold the history up to the step BaseSequence.
	BasePacks    []string
	BaseSequence int64

	GitOff bool // nobody may use the git remote

	// Closed: the owner is leaving (see [Departures]), and until they come back or
	// the wiki is deleted it is as if there were none.
	Closed bool

	Index Index // the published index; zero before the first

	CreatedAt time.Time
}

// Index points to a published index file.
type Index struct {
	Commit   string // the commit it describes; "" for none
	File     string // its name within the wiki's folder
	Sequence int64  // the head's step that brought Commit: how far the index lags
}

// NewWiki is what CreateWiki needs.
type NewWiki struct {
	ID, Slug, Name string
	OwnerID        string
	Public         bool
	Token          Token // the default token, created with the wiki
	MaxWikis       int   // the owner's limit, checked in the same transaction; 0 for no limit but MaxOwned
	CreatedAt      time.Time
	Actor          *eventsv1.Actor

	// An adopted repository's state; zero for a wiki that starts empty. With a
	// Head the record starts at Sequence 1.
	Head                 string
	PageCount, FileBytes int64
	BasePacks            []string // which then hold the history up to Sequence 1
}

// WikiChange lists what UpdateWiki sets; nil leaves a field as it is.
type WikiChange struct {
	Name   *string
	Public *bool
	GitOff *bool
}

// Wikis keeps wikis and the reservations of their slugs.
type Wikis interface {
	// CreateWiki reserves the slug, writes the wiki, the owner's grant and the
	// default token, counts it against MaxWikis and emits wiki.created, all or
	// nothing. A slug that equals the owner's own username is theirs to use.
	// NotFound when there is no such owner; Exists names "slug" (or what else is
	// taken: "id", or "hash" of the token); Limit when the owner has MaxWikis
	// already. Exists goes before Limit.
	CreateWiki(ctx context.Context, w NewWiki) (Wiki, error)
	Wiki(ctx context.Context, id string) (Wiki, error)
	// WikiID resolves a slug. The answer never changes while the wiki exists, so
	// it may be cached if Wiki is still asked and NotFound drops it: only a
	// username's bearer can give the slug of a deleted wiki to another.
	WikiID(ctx context.Context, slug string) (string, error)
	// UpdateWiki applies the change and emits wiki.updated. A change of nothing
	// only reads.
	UpdateWiki(ctx context.Context, id string, c WikiChange, actor *eventsv1.Actor) (Wiki, error)
	// DeleteWiki removes the record, leaves the slug as a tombstone that nobody
	// can take (unless it is the owner's username: then theirs alone), uncounts
	// it and emits wiki.deleted. Grants and tokens of the wiki mean nothing from
	// then on, although they can still be read until the event's consumer calls
	// ForgetWiki.
	DeleteWiki(ctx context.Context, id string, actor *eventsv1.Actor) error
	// NameTaken reports whether a slug or username is reserved, by whom
	// (a user id; "" for a tombstone) and whether for a wiki.
	NameTaken(ctx context.Context, name string) (Reservation, bool, error)
}

// Reservation is a name taken in the one namespace of usernames and slugs.
type Reservation struct {
	Name   string
	UserID string // the user who bears or may use the name; "" for a tombstone
	WikiID string // the wiki that bears it; "" for none
}

// HeadChange is one step of a wiki's head.
type HeadChange struct {
	WikiID string
	Old    string // the head this step starts from: the precondition
	New    string
	At     time.Time

	PageDelta int64 // pages added less pages removed
	FileDelta int64 // attachment bytes added less removed
	MaxPages  int64 // with a positive PageDelta, refuse if the count grows beyond this; 0 for no limit
	MaxBytes  int64 // likewise for attachments

	// Event is what the step causes: a page event about this wiki. The driver
	// fills Commit.Sequence and PageCount in on a copy, so that after a lost race
	// the same event serves again.
	Event *eventsv1.Envelope

	// Idempotency makes a retry of the same request find its first answer.
	Idempotency *Idempotency
}

// Idempotency is a caller's key for a request, kept for a day.
type Idempotency struct {
	Key         string // unique per wiki and principal
	Fingerprint string // hash of the request: another request under the same key is refused
	Result      []byte // what to answer to the retry
}

// Heads moves wikis' heads: the commit point of every write.
type Heads interface {
	// AdvanceHead is one conditional write: if the head is still Old it becomes
	// New, the counters move, and the event is emitted with it. Limits bind only
	// a counter that grows. When several things stand against it, the first of
	// these is the answer: Invalid when New is missing or equals Old or the event
	// is no page event of this wiki, NotFound when the wiki is gone, Exists when
	// the idempotency key has been used, by whatever request (read its result
	// with IdempotentResult), *HeadMovedError when the head is not Old, Limit.
	// A key is used up by success only. After Unavailable the outcome of a step
	// can be told from the record: its head is New or it is not, unless several
	// others have stepped since.
	AdvanceHead(ctx context.Context, c HeadChange) (Wiki, error)
	// IdempotentResult returns what was stored under the key: NotFound if
	// nothing or if it is older than IdempotencyAge, Conflict if it belongs to
	// another request.
	IdempotentResult(ctx context.Context, wikiID, key, fingerprint string) ([]byte, error)
	// PublishIndex swaps the index pointer if it is still old and emits
	// index.updated. Conflict when it is not, NotFound when the wiki is gone.
	PublishIndex(ctx context.Context, wikiID string, old, new Index) error
}

// BaseChange replaces the list of a wiki's consolidated packs.
type BaseChange struct {
	WikiID   string
	Holder   string // of the lease
	Packs    []string
	Sequence int64 // the step of the head that they hold the history up to
}

// Upkeep is for the one job that consolidates a wiki's packs. It emits no events
// and touches nothing that a step of the head is conditional on.
type Upkeep interface {
	// LeaseUpkeep lets holder, and nobody else, work on a wiki's packs until a time,
	// and returns the record. The holder may call it again for more time. Conflict
	// while somebody else holds the lease and it has not run out at now; NotFound;
	// Invalid without a holder or when until is not after now.
	LeaseUpkeep(ctx context.Context, wikiID, holder string, now, until time.Time) (Wiki, error)
	// ReplaceBases sets the list. Conflict when the lease is not the holder's (that
	// it has run out does not matter as long as nobody else took it), NotFound when
	// the wiki is gone, Invalid when Sequence is higher than the wiki's or lower than
	// its BaseSequence. When several things stand against it, NotFound goes before
	// Conflict and that before Invalid (unless Sequence is negative, which no record
	// allows). It may be repeated.
	ReplaceBases(ctx context.Context, c BaseChange) (Wiki, error)
	// EndUpkeep gives the lease back; nothing happens if it is not the holder's.
	EndUpkeep(ctx context.Context, wikiID, holder string) error
}

// HeadMovedError tells AdvanceHead's caller that another writer was first. It
// carries the record as it is now, so that the retry needs no read. Its kind is
// Conflict.
type HeadMovedError struct{ Current Wiki }

// Error names the head that the winner set.
func (e *HeadMovedError) Error() string { return "advance head: it has moved to " + e.Current.Head }

// Unwrap gives the error its kind.
func (e *HeadMovedError) Unwrap() error {
	return fault.New(fault.Conflict, "advance head of wiki %s: it has moved", e.Current.ID)
}

// Grant gives a user a role in a wiki.
type Grant struct {
	WikiID    string
	UserID    string
	Role      Role
	GrantedBy string
	GrantedAt time.Time
}

// Grants keeps who may do what.
type Grants interface {
	Grant(ctx context.Context, wikiID, userID string) (Grant, error)
	// PutGrant makes a user editor or viewer, counts authors (owner and editors)
	// against maxAuthors (0 for no limit) if it adds one, and emits
	// grant.changed. The owner's grant cannot be changed nor a second one given:
	// Denied. NotFound when there is no such wiki or user; Limit.
	PutGrant(ctx context.Context, g Grant, maxAuthors int, actor *eventsv1.Actor) error
	// DeleteGrant takes a grant away and emits grant.changed with no role.
	// NotFound when there is none, Denied for the owner's.
	DeleteGrant(ctx context.Context, wikiID, userID string, actor *eventsv1.Actor) error
	// GrantsOfUser lists a user's grants by wiki id. Wikis deleted a moment ago
	// may be among them: ask Wiki.
	GrantsOfUser(ctx context.Context, userID string) ([]Grant, error)
	// GrantsOfWiki lists a wiki's grants by user id.
	GrantsOfWiki(ctx context.Context, wikiID string) ([]Grant, error)
}

// Token is a wiki token without its secret.
type Token struct {
	ID        string // ULID
	Hash      string // SHA-256 of the secret, hex: the key
	WikiID    string
	UserID    string // who made it: commits made with it are theirs
	Name      string // unique in its wiki; "default" for the one made with it
	Role      Role   // at most Editor
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	LastUsed  time.Time // zero: never; kept to the minute
	LastAgent string    // client that used it last
}

// Tokens keeps wiki tokens.
type Tokens interface {
	// CreateToken stores a token. Exists names "name" or "hash"; NotFound when
	// there is no such wiki; Invalid for the role Owner or a missing ID, Hash or
	// Name.
	CreateToken(ctx context.Context, t Token) error
	// TokenByHash returns a token, also one that has expired or whose wiki is
	// gone: the caller compares ExpiresAt and asks Wiki.
	TokenByHash(ctx context.Context, hash string) (Token, error)
	// TokensOfWiki lists a wiki's tokens by name.
	TokensOfWiki(ctx context.Context, wikiID string) ([]Token, error)
	// ReplaceToken revokes the wiki's token of t's name, if any, and creates t,
	// in one transaction. Errors are those of CreateToken, but for the name.
	ReplaceToken(ctx context.Context, t Token) error
	// RevokeToken removes a token; NotFound when the wiki has none of that id.
	RevokeToken(ctx context.Context, wikiID, id string) error
	// TouchToken notes a use. It is best effort and writes at most once a minute
	// per token and agent; LastUsed never goes back. An unknown token is no
	// error.
	TouchToken(ctx context.Context, hash string, at time.Time, agent string) error
}

// Activity is the dashboard's line about a wiki: who touched what last. It is a
// projection of page events, newest sequence wins.
type Activity struct {
	WikiID   string
	Sequence int64
	At       time.Time
	Name     string // of the person
	Agent    string // "" if by hand
	Page     string
	Kind     string // "created", "edited", "renamed", "deleted"
}

// Activities keeps the projection.
type Activities interface {
	// PutActivity stores a unless what is stored has its sequence or a higher
	// one. About a wiki that is gone it stores nothing: the event came late.
	PutActivity(ctx context.Context, a Activity) error
	// Activity returns what was stored; NotFound if nothing.
	Activity(ctx context.Context, wikiID string) (Activity, error)
	// ForgetWiki removes grants, tokens, activity and idempotency keys of a
	// deleted wiki, however many; it may be repeated. Conflict if the wiki has
	// not been deleted.
	ForgetWiki(ctx context.Context, wikiID string) error
}
