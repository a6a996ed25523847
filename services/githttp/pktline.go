package githttp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Lengths of packets (gitprotocol-common(5)).
const (
	maxPacket = 65520         // with its four digits
	maxData   = maxPacket - 4 // without
)

var (
	errPacket = errors.New("malformed packet")
	// errFlush is a flush packet: the end of a section.
	errFlush = errors.New("flush packet")
)

// packets reads packet lines.
type packets struct {
	in  *bufio.Reader
	buf []byte
}

// next returns a line without its newline, valid until the next call; errFlush
// for a flush packet, io.EOF at the end of the input.
func (p *packets) next() (string, error) {
	var digits [4]byte
	if _, err := io.ReadFull(p.in, digits[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return "", errPacket
		}
		return "", err
	}
	n := 0
	for _, d := range digits {
		v := hexValue(d)
		if v < 0 {
			return "", errPacket
		}
		n = n<<4 | v
	}
	switch {
	case n == 0:
		return "", errFlush
	case n < 4 || n > maxPacket:
		return "", errPacket
	}
	if p.buf == nil {
		p.buf = make([]byte, maxPacket)
	}
	line := p.buf[:n-4]
	if _, err := io.ReadFull(p.in, line); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return "", errPacket
		}
		return "", err
	}
	if len(line) > 0 && line[len(line)-1] == '\n' {
		line = line[:len(line)-1]
	}
	return string(line), nil
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

// writePacket writes one line, which brings its own newline if it wants one.
func writePacket(w io.Writer, format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	_, err := fmt.Fprintf(w, "%04x%s", len(line)+4, line)
	return err
}

func writeFlush(w io.Writer) error {
	_, err := io.WriteString(w, "0000")
	return err
}

// The bands of a side-band stream.
const (
	bandPack  = 1
	bandError = 3
)

// sideband packs what is written to it into packets of one band. It fills them,
// as each packet of a small one would cost the client a read.
type sideband struct {
	w   io.Writer
	buf []byte // four digits, the band, data
	max int
}

func newSideband(w io.Writer, band byte, max int) *sideband {
	return &sideband{w: w, buf: append(make([]byte, 4, max), band), max: max}
}

func (s *sideband) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		k := min(len(b), s.max-len(s.buf))
		s.buf = append(s.buf, b[:k]...)
		b = b[k:]
		if len(s.buf) == s.max {
			if err := s.Flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// Flush sends what has been collected.
func (s *sideband) Flush() error {
	if len(s.buf) == 5 {
		return nil
	}
	copy(s.buf, fmt.Sprintf("%04x", len(s.buf)))
	_, err := s.w.Write(s.buf)
	s.buf = s.buf[:5]
	return err
}
