package pktline

import (
	"fmt"
	"io"
)

// The bands of a side-band stream.
const (
	BandPack     = 1
	BandProgress = 2
	BandError    = 3
)

// Sizes of side-band packets.
const (
	SmallBand = 1000 // side-band
	LargeBand = MaxPacket
)

// BufferSize is what a [Writer] of a long stream should have: a few of the
// largest packets, which then leave in one write.
const BufferSize = 4 * MaxPacket

// Writer gathers packets and sends them when its buffer is full, or when it is
// told to. Data is copied into the buffer once, with the heads of its packets
// around it. After a failed write nothing more is written; Send says so.
type Writer struct {
	w   io.Writer
	buf []byte
	at  int // where the packet of a band begins that is not complete yet; -1 for none
	err error
}

// minBuffer is room for the longest line that is written here, and more.
const minBuffer = 4 << 10

// NewWriter returns a writer to w. The capacity of buf is how much it gathers.
func NewWriter(w io.Writer, buf []byte) *Writer {
	if cap(buf) < minBuffer {
		buf = make([]byte, minBuffer)
	}
	return &Writer{w: w, buf: buf[:0], at: -1}
}

// Line writes a line, which brings its own newline if it wants one.
func (w *Writer) Line(format string, args ...any) {
	w.close()
	w.room(1 << 10)
	start := len(w.buf)
	w.buf = append(w.buf, "0000"...)
	w.buf = fmt.Appendf(w.buf, format, args...)
	putLength(w.buf[start:])
}

// Flush writes a flush packet. It sends nothing: see Send.
func (w *Writer) Flush() { w.mark("0000") }

// Delim writes a delimiter packet.
func (w *Writer) Delim() { w.mark("0001") }

func (w *Writer) mark(m string) {
	w.close()
	w.room(4)
	w.buf = append(w.buf, m...)
}

// Send writes out what has been gathered.
func (w *Writer) Send() error {
	w.close()
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.w.Write(w.buf)
	}
	w.buf = w.buf[:0]
	return w.err
}

// room makes sure that n bytes fit into the buffer, if they ever do.
func (w *Writer) room(n int) {
	if len(w.buf)+n > cap(w.buf) {
		_ = w.Send() // kept in err
	}
}

// close ends the packet that is being filled.
func (w *Writer) close() {
	if w.at >= 0 {
		putLength(w.buf[w.at:])
		w.at = -1
	}
}

const digits = "0123456789abcdef"

func putLength(packet []byte) {
	n := len(packet)
	packet[0], packet[1], packet[2], packet[3] = digits[n>>12&15], digits[n>>8&15], digits[n>>4&15], digits[n&15]
}

// Band writes one band of a side-band stream.
type Band struct {
	w    *Writer
	band byte
	max  int
}

// Band returns a writer to one band, in packets of at most max bytes. It fills
// them, as each packet costs the client a read; any other call of the Writer
// ends the one that is being filled.
func (w *Writer) Band(band byte, max int) Band { return Band{w, band, max} }

// bandHead is the length of a packet and its band.
const bandHead = 5

func (b Band) Write(p []byte) (int, error) {
	n, w := len(p), b.w
	for len(p) > 0 && w.err == nil {
		if w.at >= 0 && w.buf[w.at+4] != b.band {
			w.close()
		}
		if w.at < 0 {
			w.room(bandHead + 1)
			w.at = len(w.buf)
			w.buf = append(w.buf, '0', '0', '0', '0', b.band)
		}
		k := min(len(p), b.max-(len(w.buf)-w.at), cap(w.buf)-len(w.buf))
		w.buf = append(w.buf, p[:k]...)
		p = p[k:]
		if len(w.buf)-w.at == b.max {
			w.close()
		}
		if len(w.buf) == cap(w.buf) {
			_ = w.Send() // kept in err
		}
	}
	return n - len(p), w.err
}

// Raw writes bytes between packets: a pack for a client that knows no bands.
type Raw struct{ w *Writer }

// Raw returns a writer past the packets.
func (w *Writer) Raw() Raw { return Raw{w} }

func (r Raw) Write(p []byte) (int, error) {
	w := r.w
	w.close()
	w.room(len(p))
	switch {
	case w.err != nil:
		return 0, w.err
	case len(p) > cap(w.buf):
		var n int
		n, w.err = w.w.Write(p)
		return n, w.err
	}
	w.buf = append(w.buf, p...)
	return len(p), nil
}
