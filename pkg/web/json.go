package web

import (
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// CheckText refuses JSON whose strings cannot be kept as they are: bytes that are
// no UTF-8, and escapes of half a surrogate pair. encoding/json would turn both
// into U+FFFD without a word, and a page would be stored that nobody wrote.
// (RFC 8259 section 8.)
func CheckText(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("is not valid UTF-8")
	}
	for i := 0; i+1 < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		i++ // the escaped character, so that a second backslash starts nothing
		if data[i] != 'u' {
			continue
		}
		switch r := hex4(data, i+1); {
		case r >= 0xd800 && r < 0xdc00 && hasEscape(data, i+5):
			if low := hex4(data, i+7); low < 0xdc00 || low > 0xdfff {
				return errLoneSurrogate
			}
			i += 10
		case r >= 0xd800 && r < 0xe000:
			return errLoneSurrogate
		}
	}
	return nil
}

var errLoneSurrogate = errors.New("escapes half of a surrogate pair, which is no character")

func hasEscape(data []byte, i int) bool {
	return i+1 < len(data) && data[i] == '\\' && data[i+1] == 'u'
}

// hex4 reads four hex digits; -1 if there are none, which the decoder reports.
func hex4(data []byte, i int) int {
	if i+4 > len(data) {
		return -1
	}
	n := 0
	for _, c := range data[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | int(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | int(c-'a'+10)
		case 'A' <= c && c <= 'F':
			n = n<<4 | int(c-'A'+10)
		default:
			return -1
		}
	}
	return n
}

// UnmarshalText is json.Unmarshal after [CheckText].
func UnmarshalText(data []byte, v any) error {
	if err := CheckText(data); err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}
