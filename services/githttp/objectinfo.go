package githttp

import (
	"bytes"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
)

// maxInfos bounds the objects whose size one request asks for: each may take a
// read of the disk.
const maxInfos = 16 << 10

// objectInfo tells the sizes of objects (gitprotocol-v2(5), "object-info").
func (x *exchange) objectInfo(args *commandArgs) error {
	var size bool
	var ids []gitstore.OID
	err := args.each(func(arg []byte) error {
		if string(arg) == "size" {
			size = true
			return nil
		}
		digits, ok := bytes.CutPrefix(arg, []byte("oid "))
		if !ok {
			return malformed("an unknown argument of object-info")
		}
		id, ok := parseID(digits)
		if !ok {
			return malformed("a malformed oid")
		}
		if len(ids) == maxInfos {
			return tooMany("objects to tell the size of", maxInfos)
		}
		ids = append(ids, id)
		return nil
	})
	if err != nil {
		return err
	}
	x.read = true
	if err := x.infos(ids, size); err != nil {
		return err
	}
	x.out.Flush()
	return nil
}

func (x *exchange) infos(ids []gitstore.OID, size bool) error {
	if len(ids) == 0 {
		return nil
	}
	if !size {
		for _, id := range ids {
			x.out.Line("%s", id)
		}
		return nil
	}
	x.out.Line("size")
	var h *gitstore.History
	if x.entry.Wiki.Head != "" {
		var err error
		if h, err = x.history(); err != nil {
			return err
		}
	}
	for _, id := range ids {
		n, err := int64(0), error(fault.New(fault.NotFound, "the wiki is empty"))
		if h != nil {
			n, err = h.Size(x.ctx, id)
		}
		switch {
		case fault.Is(err, fault.NotFound):
			x.out.Line("%s ", id) // as git's own server does
		case err != nil:
			return err
		default:
			x.out.Line("%s %d", id, n)
		}
	}
	return nil
}
