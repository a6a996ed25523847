package pktline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// all reads packets to the end, as a line each.
func all(in io.Reader) (got []string, err error) {
	r := NewReader(in)
	for {
		kind, line, err := r.Next()
		if err != nil {
			return got, err
		}
		got = append(got, fmt.Sprintf("%d %s", kind, line))
	}
}

func TestReader(t *testing.T) {
	broken := errors.New("broken")
	longest := strings.Repeat("x", MaxData)
	for _, c := range []struct {
		why  string
		in   io.Reader
		want []string
		err  error
	}{
		{"nothing at all", strings.NewReader(""), nil, io.EOF},
		{"lines and markers", strings.NewReader("0009done\n0001000200000005a"), []string{"0 done", "2 ", "3 ", "1 ", "0 a"}, io.EOF},
		{"one newline belongs to the packet, no more", strings.NewReader("0006\n\n"), []string{"0 \n"}, io.EOF},
		{"an empty line is one", strings.NewReader("0004"), []string{"0 "}, io.EOF},
		{"capital digits", strings.NewReader("000Aabcdef"), []string{"0 abcdef"}, io.EOF},
		{"the longest", strings.NewReader("fff0" + longest + "0000"), []string{"0 " + longest, "1 "}, io.EOF},
		{"byte by byte", iotest.OneByteReader(strings.NewReader("0008want0000")), []string{"0 want", "1 "}, io.EOF},
		{"no length is three", strings.NewReader("0003"), nil, ErrMalformed},
		{"beyond the longest", strings.NewReader("fff1" + longest + "y"), nil, ErrMalformed},
		{"a sign", strings.NewReader("-001"), nil, ErrMalformed},
		{"ends within the length", strings.NewReader("0000" + "00"), []string{"1 "}, ErrMalformed},
		{"ends within the line", strings.NewReader("0010want"), nil, ErrMalformed},
		{"the input fails between packets", io.MultiReader(strings.NewReader("0000"), iotest.ErrReader(broken)), []string{"1 "}, broken},
		{"the input fails within one", io.MultiReader(strings.NewReader("0010wa"), iotest.ErrReader(broken)), nil, broken},
	} {
		got, err := all(c.in)
		if d := cmp.Diff(c.want, got); d != "" || !errors.Is(err, c.err) {
			t.Errorf("%s: %v %.300s", c.why, err, d)
		}
	}
}

// writes keeps what each write brought.
type writes struct{ sizes []int }

func (w *writes) Write(p []byte) (int, error) {
	w.sizes = append(w.sizes, len(p))
	return len(p), nil
}

func TestWriterSendsFullBuffersOfFullPackets(t *testing.T) {
	var out writes
	w := NewWriter(&out, make([]byte, 0, BufferSize))
	b := w.Band(BandPack, LargeBand)
	total := 0
	for range 100 { // in pieces that fit into nothing
		n, err := b.Write(make([]byte, 10_007))
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	w.Flush()
	if err := w.Send(); err != nil || total != 1_000_700 {
		t.Fatal(total, err)
	}
	// Four bytes of length and one of band in each of 16 packets, a flush at the end.
	if d := cmp.Diff([]int{BufferSize, BufferSize, BufferSize, 1_000_700 + 16*5 + 4 - 3*BufferSize}, out.sizes); d != "" {
		t.Error(d)
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = b.Write(make([]byte, 100)) }); n > 0 {
		t.Errorf("%v allocations for a write", n)
	}
}

func TestWriterKeepsPacketsApart(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, nil)
	_, _ = io.WriteString(w.Band(BandProgress, SmallBand), "one")
	_, _ = io.WriteString(w.Band(BandPack, SmallBand), "tw")
	_, _ = io.WriteString(w.Band(BandPack, SmallBand), "o")
	w.Line("three %d\n", 3)
	_, _ = io.WriteString(w.Band(BandPack, 7), "four")
	w.Delim()
	_, _ = io.WriteString(w.Raw(), "raw")
	w.Flush()
	if err := w.Send(); err != nil {
		t.Fatal(err)
	}
	if want := "0008\x02one" + "0008\x01two" + "000cthree 3\n" + "0007\x01fo0007\x01ur" + "0001raw0000"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestWriterStopsWithTheClient(t *testing.T) {
	gone := errors.New("gone")
	n := 0
	w := NewWriter(writerFunc(func([]byte) (int, error) { n++; return 0, gone }), nil)
	b := w.Band(BandPack, LargeBand)
	if _, err := io.Copy(b, io.LimitReader(zeros{}, 1<<20)); !errors.Is(err, gone) {
		t.Errorf("copy: %v", err)
	}
	if _, err := w.Raw().Write(make([]byte, 1<<20)); !errors.Is(err, gone) {
		t.Errorf("raw: %v", err)
	}
	w.Line("x")
	if err := w.Send(); !errors.Is(err, gone) || n != 1 {
		t.Errorf("%v after %d writes", err, n)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// What is written is what is read, whatever the pieces; and no input makes the
// reader panic or hand out more than came in.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("0009done\n0000"), uint16(1000), uint8(3))
	f.Add([]byte("fff0"), uint16(65520), uint8(1))
	f.Add(bytes.Repeat([]byte("\n"), 5000), uint16(7), uint8(200))
	f.Fuzz(func(t *testing.T, data []byte, max uint16, piece uint8) {
		if got, err := all(bytes.NewReader(data)); err == nil || len(got) > len(data)/4 {
			t.Fatalf("%d packets of %d bytes: %v", len(got), len(data), err)
		}
		var out bytes.Buffer
		w := NewWriter(&out, nil)
		b := w.Band(BandPack, min(LargeBand, bandHead+1+int(max)))
		for rest := data; len(rest) > 0; {
			k := min(len(rest), 1+int(piece)*int(piece))
			if _, err := b.Write(rest[:k]); err != nil {
				t.Fatal(err)
			}
			rest = rest[k:]
		}
		w.Flush()
		if err := w.Send(); err != nil {
			t.Fatal(err)
		}
		if got := demultiplex(t, out.Bytes()); !bytes.Equal(got, data) {
			t.Fatalf("%d bytes came back of %d", len(got), len(data))
		}
	})
}

// demultiplex reads a stream of one band that ends with a flush packet. The
// reader takes a newline off, so the lengths are read here.
func demultiplex(t *testing.T, in []byte) (data []byte) {
	t.Helper()
	r := NewReader(bytes.NewReader(in))
	for at := 0; ; {
		kind, _, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if kind == Flush {
			if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Fatal("something follows the flush packet")
			}
			return data
		}
		var n int
		if _, err := fmt.Sscanf(string(in[at:at+4]), "%04x", &n); err != nil || in[at+4] != BandPack || n <= bandHead {
			t.Fatalf("packet %q", in[at:at+5])
		}
		data = append(data, in[at+bandHead:at+n]...)
		at += n
	}
}
