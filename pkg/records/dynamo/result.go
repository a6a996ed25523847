package dynamo

import (
	"bytes"
	"compress/gzip"
	"io"
)

// smallResult is how long a result may be, in bytes, before it is packed. A write
// in a transaction costs two units for every KB.
const smallResult = 1 << 10

// result is what is kept to answer a repeated request with. An item holds 400 KB,
// and the answer to the rename of a page that thousands lead to names all of
// them; such lists pack to a fraction.
type result struct {
	Data   []byte `dynamodbav:"result"`
	Packed bool   `dynamodbav:"result_packed,omitempty"` // by gzip
}

func packResult(plain []byte) result {
	if len(plain) <= smallResult {
		return result{Data: plain}
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	// A bytes.Buffer does not fail.
	_, _ = z.Write(plain)
	_ = z.Close()
	return result{out.Bytes(), true}
}

func (r result) unpack() ([]byte, error) {
	if !r.Packed {
		return r.Data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(r.Data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
