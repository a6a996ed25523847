package gitstore

import (
	"context"
	"errors"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/client"
)

// fetch downloads the branch that HEAD names from another server.
func (im *importer) fetch(ctx context.Context, scheme, source string) (o origin, err error) {
	switch scheme {
	case "http", "https", "git", "ssh":
	default:
		return origin{}, im.refuse("%q is not a kind of URL that git knows; use https, http, ssh, git or file", scheme)
	}
	endpoint, err := transport.NewEndpoint(source)
	if err != nil {
		return origin{}, im.refuse("the URL is malformed")
	}
	c, err := client.NewClient(endpoint)
	if err != nil {
		return origin{}, err
	}
	session, err := c.NewUploadPackSession(endpoint, nil)
	if err != nil {
		return origin{}, im.unreachable(err)
	}
	defer func() { _ = session.Close() }() // everything has been read or has failed
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return origin{}, im.unreachable(err)
	}
	if adv.Head != nil {
		o.head = *adv.Head
	} else if o.head, err = im.choose(adv.References, ""); err != nil {
		return origin{}, err
	}
	pack, err := requestPack(ctx, session, adv.Capabilities, o.head)
	if err != nil {
		return origin{}, im.unreachable(err)
	}
	defer func() { _ = pack.Close() }()
	name, err := im.savePack(ctx, pack, 0)
	o.dir, o.packs = im.tmp, []string{name}
	return o, err
}

// requestPack asks for everything that the commit needs.
func requestPack(ctx context.Context, s transport.UploadPackSession, caps *capability.List, head OID) (io.ReadCloser, error) {
	req := packp.NewUploadPackRequestFromCapabilities(caps)
	req.Wants = []plumbing.Hash{head}
	res, err := s.UploadPack(ctx, req)
	if err != nil {
		return nil, err
	}
	kind := sideband.Sideband64k
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
	case req.Capabilities.Supports(capability.Sideband):
		kind = sideband.Sideband
	default:
		return res, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{sideband.NewDemuxer(kind, res), res}, nil
}

// unreachable says why the other server gave nothing.
func (im *importer) unreachable(err error) error {
	switch {
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return im.refuse("there is no git repository at this URL")
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return im.refuse("it has no commits yet; make one first, or create the wiki empty")
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return im.refuse("the server wants a password; clone it yourself and import the clone, or put user:token@ into the URL")
	default:
		return im.refuse("the server could not be read (%v)", err)
	}
}
