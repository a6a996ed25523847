package signing_test

import (
	"encoding/base64"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// TestNothingIsEverRefused lives through days in which keys are replaced again and
// again, by processes that start, die and lose their connections at random, while
// strangers keep the verifiers from looking for new keys. Whatever happens, a session
// or access token that is alive is never called broken: at worst, while the table is
// away, the answer is "try again".
func TestNothingIsEverRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.maxAge = 15 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		l := &timeline{w: w, random: rand.New(rand.NewPCG(1, 1)), end: time.Now().Add(4 * 24 * time.Hour)}
		l.run(t)
		if len(l.kids) < 4 || l.verified < 500 || l.unavailable > l.verified/4 {
			t.Errorf("%d keys signed, %d times verified, %d times unavailable: that shows little", len(l.kids), l.verified, l.unavailable)
		}
	})
}

// signed is what somebody was given at a time.
type signed struct {
	identity.SessionTokens
	access string
}

const resource = "https://ada.wikibot.io/mcp"

type timeline struct {
	w      *world
	random *rand.Rand
	end    time.Time

	signers   [3]*process
	verifiers [4]*identity.Verifier
	sessions  []signed
	kids      map[string]bool

	tableBack, secretsBack time.Time // end of an outage
	verified, unavailable  int
}

func (l *timeline) run(t *testing.T) {
	l.kids = map[string]bool{}
	for i := range l.signers {
		l.signers[i] = l.signer(t)
	}
	for i := range l.verifiers {
		l.verifiers[i] = l.verifier(t)
	}
	rotate := time.Now()
	for time.Now().Before(l.end) {
		l.disturb(t)
		if !time.Now().Before(rotate) {
			rotate = time.Now().Add(8 * time.Hour)
			if len(l.sessions) > 0 {
				l.flood(t)
			}
			if l.rotate(t) != nil {
				rotate = time.Now().Add(time.Hour)
			}
			l.signers[0] = l.signer(t) // it knows at once what was just published
		}
		l.signIn(t)
		for range 3 {
			l.verify(t)
		}
		time.Sleep(time.Minute + time.Duration(l.random.Int64N(int64(20*time.Minute))))
	}
}

// disturb starts outages and replaces processes by ones that know nothing.
func (l *timeline) disturb(t *testing.T) {
	outage := func(back *time.Time) {
		if l.random.IntN(80) == 0 {
			*back = time.Now().Add(time.Duration(l.random.Int64N(int64(4 * time.Hour))))
		}
	}
	outage(&l.tableBack)
	outage(&l.secretsBack)
	if l.random.IntN(20) == 0 {
		l.signers[l.random.IntN(len(l.signers))] = l.signer(t)
	}
	if l.random.IntN(20) == 0 {
		l.verifiers[l.random.IntN(len(l.verifiers))] = l.verifier(t)
	}
}

func (l *timeline) away(_ int, operation string, _ bool) bool {
	back := l.tableBack
	if operation != "GetItem" && operation != "PutItem" {
		back = l.secretsBack
	}
	return time.Now().Before(back)
}

func (l *timeline) signer(t *testing.T) *process {
	wire := newWire(l.w)
	wire.broken = l.away
	return l.w.processWith(t, wire, aws.NopRetryer{}, nil)
}

func (l *timeline) verifier(t *testing.T) *identity.Verifier {
	wire := newWire(l.w)
	wire.broken = l.away
	return identity.NewVerifier(l.w.publicWith(t, wire), l.w.hosts)
}

// rotate runs the schedule in a process that dies at a random call.
func (l *timeline) rotate(t *testing.T) error {
	wire := newWire(l.w)
	dies, after := 1+l.random.IntN(12), l.random.IntN(2) == 0
	wire.broken = func(call int, operation string, isAfter bool) bool {
		return l.away(call, operation, isAfter) || call > dies || call == dies && isAfter == after
	}
	p := l.w.processWith(t, wire, aws.NopRetryer{}, nil)
	if l.random.IntN(3) == 0 {
		return p.RotateNow(t.Context())
	}
	return p.Rotate(t.Context())
}

// flood shows each verifier a token with a made-up kid, so that it has just
// looked for keys and will not look again for a while.
func (l *timeline) flood(t *testing.T) {
	enc := base64.RawURLEncoding.EncodeToString
	for _, v := range l.verifiers {
		token := enc([]byte(`{"alg":"RS256","kid":"made-up"}`)) + "." + enc([]byte("{}")) + "." + enc([]byte("x"))
		if _, err := v.Verify(t.Context(), token, l.w.hosts.Root("")); err == nil {
			t.Error("a made-up token is a session")
		}
	}
}

func (l *timeline) signIn(t *testing.T) {
	p := l.signers[l.random.IntN(len(l.signers))]
	s := identity.NewSigner(p, l.w.hosts)
	tokens, err := s.Issue(t.Context(), records.User{ID: "ada"}, "s1", time.Now(), time.Now().Add(identity.SessionLifetime))
	var access string
	if err == nil {
		access, err = s.IssueAccess(t.Context(), identity.Access{UserID: "ada", ClientID: "c", ConnectionID: "c1", Scope: "wiki:read", Resource: resource})
	}
	if err != nil {
		if !l.away(0, "GetItem", false) && !l.away(0, "GetSecretValue", false) {
			t.Errorf("%v: nobody can sign in: %v", time.Now(), err)
		}
		return
	}
	l.kids[p.kid(t)] = true
	l.sessions = append(l.sessions, signed{tokens, access})
}

// verify shows the newest session or one of the last day to a verifier.
func (l *timeline) verify(t *testing.T) {
	if len(l.sessions) == 0 {
		return
	}
	recent := l.sessions[max(0, len(l.sessions)-130):]
	s := recent[len(recent)-1]
	if l.random.IntN(2) == 0 {
		s = recent[l.random.IntN(len(recent))]
	}
	if !time.Now().Before(s.ExpiresAt) {
		return
	}
	v := l.verifiers[l.random.IntN(len(l.verifiers))]
	_, err := v.Verify(t.Context(), s.Root, l.w.hosts.Root(""))
	if err == nil {
		_, err = v.VerifyAccess(t.Context(), s.access, resource)
	}
	switch {
	case err == nil:
		l.verified++
	case fault.Is(err, fault.Unavailable) && l.away(0, "GetItem", false):
		l.unavailable++
	default:
		t.Errorf("%v: what is good until %v is refused: %v", time.Now(), s.ExpiresAt, err)
	}
}
