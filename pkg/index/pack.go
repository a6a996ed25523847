package index

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// What a commit affects is packed with it as strings that each end in NUL, which
// no path holds, deflated when that pays. The first byte says which.
const (
	plain    = 'p'
	deflated = 'd'
	// deflateFrom is where compressing begins to pay.
	deflateFrom = 512
	// maxUnpacked bounds what a damaged file can make us allocate.
	maxUnpacked = 1 << 28
)

func pack(list []string) ([]byte, error) {
	if len(list) == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	size := 0
	for _, s := range list {
		size += len(s) + 1
	}
	if size < deflateFrom {
		out.WriteByte(plain)
		for _, s := range list {
			out.WriteString(s)
			out.WriteByte(0)
		}
		return out.Bytes(), nil
	}
	out.WriteByte(deflated)
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, strings.Join(list, "\x00")+"\x00"); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

func unpack(raw []byte) ([]string, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	text := raw[1:]
	if raw[0] == deflated {
		var err error
		text, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(raw[1:])), maxUnpacked))
		if err != nil {
			return nil, fmt.Errorf("unpack what a commit affects: %w", err)
		}
	}
	if len(text) == 0 || text[len(text)-1] != 0 {
		return nil, errors.New("unpack what a commit affects: cut short")
	}
	return strings.Split(string(text[:len(text)-1]), "\x00"), nil
}

// packAffected packs (kind, path, old path) triples, sorted by path.
func packAffected(changes []change) ([]byte, error) {
	sorted := slices.Clone(changes)
	slices.SortStableFunc(sorted, func(a, b change) int { return strings.Compare(a.name.path, b.name.path) })
	list := make([]string, 0, 3*len(sorted))
	for _, c := range sorted {
		old := ""
		if c.old != nil {
			old = c.old.path
		}
		list = append(list, string('0'+rune(c.kind)), c.name.path, old)
	}
	return pack(list)
}

func unpackAffected(raw []byte) ([]Affected, error) {
	list, err := unpack(raw)
	if err != nil {
		return nil, err
	}
	if len(list)%3 != 0 {
		return nil, errors.New("unpack what a commit affects: uneven")
	}
	out := make([]Affected, 0, len(list)/3)
	for i := 0; i < len(list); i += 3 {
		if len(list[i]) != 1 || list[i][0] < '1' || list[i][0] > '4' {
			return nil, errors.New("unpack what a commit affects: unknown kind")
		}
		out = append(out, Affected{Kind: kindNames[list[i][0]-'0'], Path: list[i+1], OldPath: list[i+2]})
	}
	return out, nil
}
