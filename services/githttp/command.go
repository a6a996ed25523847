package githttp

import (
	"errors"
	"io"
	"strings"

	"wikibot.io/services/githttp/internal/pktline"
)

// commandArgs reads the arguments of a command of version 2, to the flush packet
// that ends the request.
type commandArgs struct {
	in   *pktline.Reader
	none bool // the request ended before any could come
}

// each calls take with one argument after the other.
func (a *commandArgs) each(take func(arg []byte) error) error {
	for !a.none {
		kind, line, err := a.in.Next()
		switch {
		case err != nil:
			return tooLargeOr(err, "a packet is malformed")
		case kind == pktline.Flush:
			return nil
		case kind != pktline.Line:
			return malformed("an unknown packet among the arguments")
		}
		if err := take(line); err != nil {
			return err
		}
	}
	return nil
}

// command answers one command of version 2 (gitprotocol-v2(5), "Command
// Request"). A request knows of none before it.
func (x *exchange) command() error {
	name, args, err := x.readCommand()
	if err != nil {
		return err
	}
	switch {
	case name == "":
		return nil // an empty request: the client is done, or wants to know if it may ask
	case name == "ls-refs":
		return x.lsRefs(args)
	case name == "fetch":
		return x.fetch2(args)
	case name == "object-info":
		return x.objectInfo(args)
	case name == "bundle-uri" && hasBundle(x.entry.Wiki):
		return x.bundleURI(args)
	default:
		return malformed("an unknown command")
	}
}

// readCommand reads up to the arguments.
func (x *exchange) readCommand() (name string, args *commandArgs, err error) {
	for first := true; ; first = false {
		kind, line, err := x.in.Next()
		switch {
		case errors.Is(err, io.EOF) && first:
			return "", nil, nil
		case err != nil:
			return "", nil, tooLargeOr(err, "a packet is malformed")
		case kind == pktline.Flush && first:
			return "", nil, nil
		case (kind == pktline.Flush || kind == pktline.Delim) && name == "":
			return "", nil, malformed("no command")
		case kind == pktline.Flush || kind == pktline.Delim:
			return name, &commandArgs{in: x.in, none: kind == pktline.Flush}, nil
		case kind != pktline.Line:
			return "", nil, malformed("an unknown packet before the command's arguments")
		}
		key, value, _ := strings.Cut(string(line), "=")
		switch key {
		case "command":
			if name != "" || value == "" {
				return "", nil, malformed("no command, or more than one")
			}
			name = value
		case "agent", "server-option":
		case "object-format":
			if value != "sha1" {
				return "", nil, refuse("mismatched object format: wikis are kept in sha1")
			}
		default:
			return "", nil, malformed("an unknown capability")
		}
	}
}
