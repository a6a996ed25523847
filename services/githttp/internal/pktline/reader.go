package pktline

import (
	"bufio"
	"errors"
	"io"
)

// Lengths of packets.
const (
	MaxPacket = 65520         // with its four digits
	MaxData   = MaxPacket - 4 // without
)

// Kind tells lines from markers.
type Kind int

// The kinds of packets.
const (
	Line        Kind = iota
	Flush            // "0000": the end of a message
	Delim            // "0001": the end of a section
	ResponseEnd      // "0002": the end of an answer, of which clients tell each other
)

// ErrMalformed is a packet that is none, or that ends within itself.
var ErrMalformed = errors.New("malformed packet")

// Reader reads packets.
type Reader struct {
	in   *bufio.Reader
	last int // bytes of the packet that was handed out and is still in the buffer
}

// NewReader returns a reader of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(in, MaxPacket)}
}

// Next returns the next packet; io.EOF at the end of the input, [ErrMalformed],
// or what the input itself failed with. A line comes without its newline and is
// good until the next call.
func (r *Reader) Next() (Kind, []byte, error) {
	// Not more than lies there, so this cannot fail.
	_, _ = r.in.Discard(r.last)
	r.last = 0
	digits, err := r.in.Peek(4)
	if err != nil {
		if len(digits) > 0 {
			return 0, nil, cut(err)
		}
		return 0, nil, err
	}
	n := 0
	for _, d := range digits {
		v := hexValue(d)
		if v < 0 {
			return 0, nil, ErrMalformed
		}
		n = n<<4 | v
	}
	switch {
	case n < 3:
		r.last = 4
		return Flush + Kind(n), nil, nil
	case n == 3 || n > MaxPacket:
		return 0, nil, ErrMalformed
	}
	packet, err := r.in.Peek(n)
	if err != nil {
		return 0, nil, cut(err)
	}
	r.last = n
	line := packet[4:]
	if len(line) > 0 && line[len(line)-1] == '\n' {
		line = line[:len(line)-1]
	}
	return Line, line, nil
}

// cut is what the end of the input means within a packet.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrMalformed
	}
	return err
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
