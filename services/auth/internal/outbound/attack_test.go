package outbound

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"wikibot.io/pkg/fault"
)

// names is a name server: every name has the addresses of the next answer in
// turn, the last one for ever.
type names struct {
	answers [][]string
	asked   atomic.Int64
}

// resolver asks it, over a packet connection of this process.
func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go n.serve(conn)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (n *names) serve(conn net.PacketConn) {
	buf := make([]byte, 1500)
	for {
		size, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var q dnsmessage.Message
		if q.Unpack(buf[:size]) != nil || len(q.Questions) != 1 {
			continue
		}
		packed, err := n.answer(q).Pack()
		if err != nil {
			continue
		}
		_, _ = conn.WriteTo(packed, from)
	}
}

func (n *names) answer(q dnsmessage.Message) *dnsmessage.Message {
	question := q.Questions[0]
	// A and AAAA are asked at the same time: two questions make one round.
	round := min(int(n.asked.Add(1)-1)/2, len(n.answers)-1)
	m := &dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, RecursionAvailable: true}, Questions: q.Questions}
	for _, text := range n.answers[round] {
		a := netip.MustParseAddr(text)
		head := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: dnsmessage.ClassINET}
		switch {
		case a.Is4() && question.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && question.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return m
}

// inward are addresses that a name of a stranger may resolve to.
var inward = []string{
	"127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
	"100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
	"::1", "::", "fd00::1", "fd00:ec2::254", "fc00::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
	"::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a9fe:a9fe", "2002:7f00:1::", "2001::1", "2001:db8::1", "100::1", "3fff::1",
}

// TestSSRFByName: a public name that resolves to an address inside is refused
// before anything is sent, as the asker's fault.
func TestSSRFByName(t *testing.T) {
	for _, address := range inward {
		f := fetcherOf(t, guarded((&names{answers: [][]string{{address}}}).resolver(t)))
		if _, err := f.Fetch(t.Context(), "https://rebound.example.com/client.json"); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want it refused", address, err)
		}
	}
}

// TestSSRFByOneOfManyAddresses: whichever of them the dialer tries, it is checked.
func TestSSRFByOneOfManyAddresses(t *testing.T) {
	n := &names{answers: [][]string{{"127.0.0.1", "10.0.0.1", "::1", "fd00::1"}}}
	if _, err := fetcherOf(t, guarded(n.resolver(t))).Fetch(t.Context(), "https://many.example.com/c"); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

// TestDNSRebinding: a name that was public when it was asked for the first time
// gains nothing by another answer the second time, since what is checked is what
// the socket is connected to.
func TestDNSRebinding(t *testing.T) {
	n := &names{answers: [][]string{{"93.184.215.14"}, {"127.0.0.1"}}}
	resolver := n.resolver(t)
	first, err := resolver.LookupNetIP(t.Context(), "ip4", "rebound.example.com.")
	if err != nil || len(first) != 1 || !public(first[0]) {
		t.Fatalf("the first answer is %v, %v", first, err)
	}
	n.asked.Store(2)
	if _, err := fetcherOf(t, guarded(resolver)).Fetch(t.Context(), "https://rebound.example.com/c"); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

func TestUnknownNameIsWeather(t *testing.T) {
	n := &names{answers: [][]string{{}}}
	if _, err := fetcherOf(t, guarded(n.resolver(t))).Fetch(t.Context(), "https://gone.example.com/c"); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

func TestPublicAddresses(t *testing.T) {
	for _, address := range []string{"8.8.8.8:443", "93.184.215.14:443", "172.32.0.1:443", "100.128.0.1:443", "192.0.3.1:443"} {
		if err := check(t.Context(), "tcp4", address, nil); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := check(t.Context(), "tcp6", "[2606:4700::1111]:443", nil); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ network, address string }{
		{"tcp4", "8.8.8.8:80"}, {"tcp4", "8.8.8.8:22"}, {"udp4", "8.8.8.8:443"}, {"unix", "/run/x.sock"}, {"tcp4", "name:443"}, {"tcp6", "[2606:4700::1%eth0]:443"},
	} {
		if check(t.Context(), c.network, c.address, nil) == nil {
			t.Errorf("%s %s: taken", c.network, c.address)
		}
	}
}
