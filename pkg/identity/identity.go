package identity

import (
	"context"

	"wikibot.io/pkg/records"
)

// Kind says how a principal proved who they are.
type Kind string

// The kinds of principal.
const (
	Anonymous Kind = "anonymous"
	Session   Kind = "session" // signed in with a browser
	WikiToken Kind = "token"   // a bearer token of one wiki
	// ConnectedAgent: an OAuth client that a person has connected to one wiki.
	ConnectedAgent Kind = "agent"
	// CommandLine: the personal token of "wikibot login".
	CommandLine Kind = "cli"
)

// Principal is who a request acts for.
type Principal struct {
	Kind   Kind
	UserID string // "" for Anonymous; the token's maker for WikiToken

	Username    string
	Email       string
	DisplayName string

	// For WikiToken and ConnectedAgent: the only wiki it opens, and the most it may do there.
	WikiID  string
	MaxRole records.Role
	TokenID string // for WikiToken

	SessionID    string // for Session and CommandLine
	ConnectionID string // for ConnectedAgent; "" when an issuer that is trusted vouches for it
	Client       string // for ConnectedAgent: what it calls itself; may be ""
}

// anonymous reports whether nothing was proved; a kind that nobody knows proves
// nothing.
func (p Principal) anonymous() bool {
	switch p.Kind {
	case Session, WikiToken, ConnectedAgent, CommandLine:
		return p.UserID == ""
	default:
		return true
	}
}

// Action is what a request wants to do to a wiki.
type Action string

// The actions.
const (
	Read   Action = "read"
	Write  Action = "write"
	Upload Action = "upload"
	Admin  Action = "admin" // settings, tokens, collaborators, deletion
)

// Decision is the answer of [Decide].
type Decision string

// The decisions. Strangers must not learn whether a private wiki exists, so
// both refusals of theirs look the same as a missing wiki would.
const (
	Allow Decision = "allow"
	// SignIn: anonymous, and signing in might help. Doors answer 401 or lead to
	// sign-in, for wikis that do not exist as well.
	SignIn Decision = "sign in"
	// Hide: known, but a stranger to this private wiki. Doors answer 404.
	Hide Decision = "hide"
	// Forbid: may read, but not do this. Doors answer 403.
	Forbid Decision = "forbid"
)

// Decide says whether the principal may act on the wiki. The grant is the one
// of the principal's user in that wiki; the zero Grant means none. A token of
// another wiki is nobody. A wiki that is closed is as good as missing, also for
// its owner.
func Decide(p Principal, w records.Wiki, g records.Grant, a Action) Decision {
	if w.Closed {
		w = records.Wiki{}
	}
	role := roleIn(p, w, g)
	switch {
	case allows(role, a), a == Read && w.Public && w.ID != "":
		return Allow
	case p.anonymous():
		return SignIn
	case w.Public || role != "":
		return Forbid
	default:
		return Hide
	}
}

// roleIn is the role that counts. It answers "" whenever any part of the proof
// points elsewhere: a grant of another user or wiki, a token of another wiki, a
// role that is not one of ours.
func roleIn(p Principal, w records.Wiki, g records.Grant) records.Role {
	if p.UserID == "" || w.ID == "" || g.UserID != p.UserID || g.WikiID != w.ID || rank[g.Role] == 0 {
		return ""
	}
	switch p.Kind {
	case Session:
		return g.Role
	case WikiToken, ConnectedAgent:
		if p.WikiID != w.ID || rank[p.MaxRole] == 0 {
			return ""
		}
		// A token is pasted into configuration files, or held by somebody else's
		// program. Whatever it claims, it never administers.
		return lower(lower(g.Role, p.MaxRole), records.Editor)
	case CommandLine:
		return lower(g.Role, records.Editor) // it lies in a file, too
	}
	return ""
}

var rank = map[records.Role]int{records.Viewer: 1, records.Editor: 2, records.Owner: 3}

func lower(a, b records.Role) records.Role {
	if rank[b] < rank[a] {
		return b
	}
	return a
}

func allows(r records.Role, a Action) bool {
	switch a {
	case Read:
		return rank[r] >= rank[records.Viewer]
	case Write, Upload:
		return rank[r] >= rank[records.Editor]
	case Admin:
		return rank[r] >= rank[records.Owner]
	}
	return false
}

type contextKey struct{}

// With returns a context that carries the principal.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// From returns the principal of a request, Anonymous if none was established.
func From(ctx context.Context) Principal {
	if p, ok := ctx.Value(contextKey{}).(Principal); ok {
		return p
	}
	return Principal{Kind: Anonymous}
}
