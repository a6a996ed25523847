package wikibot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/account"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/identity/keydir"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/upkeep"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki"
	"wikibot.io/services/management"
)

// Admin does an operator's work on a data folder, also while another process
// serves it.
type Admin struct {
	data    string
	stores  *stores
	hosts   web.Hosts
	scratch string
}

// OpenAdmin opens the data folder for an operator. The base URL is only for the
// addresses that are printed; "" means where the folder is, or was last, served.
func OpenAdmin(data, baseURL string, log *slog.Logger) (*Admin, error) {
	if data == "" {
		return nil, errors.New("--data: name the folder that holds everything")
	}
	if baseURL == "" {
		var err error
		if baseURL, err = readAddress(data); err != nil {
			return nil, fmt.Errorf("find out where %s is served: %w", data, err)
		}
	}
	hosts, err := web.NewHosts(baseURL)
	if err != nil {
		return nil, fmt.Errorf("--base-url: %w", err)
	}
	scratch, err := os.MkdirTemp("", "wikibot-admin-")
	if err != nil {
		return nil, err
	}
	s, err := openStores(data, scratch, log)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(scratch))
	}
	return &Admin{data: data, stores: s, hosts: hosts, scratch: scratch}, nil
}

// Close closes the data folder.
func (a *Admin) Close() error {
	return errors.Join(a.stores.Close(), os.RemoveAll(a.scratch))
}

// CreateUser makes a user who can sign in with that e-mail address.
func (a *Admin) CreateUser(ctx context.Context, email, username string, tier records.Tier) (records.User, error) {
	return account.Register(ctx, a.stores.records, account.Registration{Email: email, Username: username, Tier: tier})
}

// WikiRequest is what CreateWiki makes a wiki from.
type WikiRequest struct {
	Owner  string // e-mail address
	Slug   string
	Name   string
	Public bool
	From   string // repository to adopt: a path, a bundle or a URL; "" for an empty wiki
}

// NewWiki is a wiki that CreateWiki made.
type NewWiki struct {
	Slug   string `json:"slug"`
	URL    string `json:"url"`
	MCPURL string `json:"mcp_url"`
	GitURL string `json:"git_url"`
	Token  string `json:"token"` // shown this once
}

// CreateWiki makes a wiki, with its first pages or with the whole history of a
// repository. The repository is brought in before the wiki exists, so that a
// failure or an interruption leaves no half-filled wiki.
func (a *Admin) CreateWiki(ctx context.Context, req WikiRequest, progress func(gitstore.Progress)) (NewWiki, error) {
	owner, err := a.stores.records.UserByEmail(ctx, req.Owner)
	if fault.Is(err, fault.NotFound) {
		return NewWiki{}, fault.New(fault.NotFound, "create wiki: no user has the e-mail address %q; make one with admin create-user", req.Owner)
	}
	if err != nil {
		return NewWiki{}, err
	}
	w := management.NewWiki{ID: events.NewID(time.Now()), Slug: req.Slug, Name: req.Name, Public: req.Public, AnySlug: true}
	if err := management.CheckWiki(ctx, a.stores.records, owner, w); err != nil {
		return NewWiki{}, err
	}
	if req.From != "" {
		if err := a.adopt(ctx, &w, req.From, progress); err != nil {
			return NewWiki{}, err
		}
	}
	made, secret, err := management.CreateWiki(ctx, a.stores.records, owner, w)
	if err != nil {
		if req.From != "" {
			err = errors.Join(err, a.stores.git.Remove(ctx, w.ID))
		}
		return NewWiki{}, err
	}
	if err := a.stores.engine.Bootstrap(ctx, made.ID); err != nil {
		return NewWiki{}, err
	}
	// The server's consumer would do this too, but the first reader of an adopted
	// wiki should not have to wait for it.
	if progress != nil {
		progress(gitstore.Progress{Stage: "indexing pages"})
	}
	if err := a.stores.index.Publish(ctx, made.ID); err != nil {
		return NewWiki{}, err
	}
	return NewWiki{
		Slug: made.Slug, URL: a.hosts.Wiki(made.Slug, "/"), MCPURL: a.hosts.Wiki(made.Slug, "/mcp"),
		GitURL: a.hosts.Wiki(made.Slug, "/repo.git"), Token: secret,
	}, nil
}

func (a *Admin) adopt(ctx context.Context, w *management.NewWiki, from string, progress func(gitstore.Progress)) error {
	in, err := a.stores.git.Import(ctx, w.ID, from, progress)
	if err != nil {
		return err
	}
	sum, err := a.stores.engine.Survey(ctx, w.ID, in.Head.String())
	if err != nil {
		return errors.Join(err, a.stores.git.Remove(ctx, w.ID))
	}
	w.Head, w.BasePacks = in.Head.String(), in.Bases
	w.PageCount, w.FileBytes = sum.Pages, sum.FileBytes
	return nil
}

// Maintain consolidates the packs of the wiki of that slug, or of all, and hands each
// report to report. A wiki that cannot be tended does not keep the others from it.
// Another process may be serving the folder: the wiki's lease keeps the two apart.
func (a *Admin) Maintain(ctx context.Context, slug string, report func(upkeep.Report) error) error {
	return a.each(ctx, slug, func(id string) error {
		r, err := a.stores.keeper.Tend(ctx, id, true)
		if err != nil {
			return err
		}
		return report(r)
	})
}

// Fsck reads all there is of the wiki of that slug, or of all, and hands each verdict
// to report. It changes nothing. Another process may be serving the folder.
func (a *Admin) Fsck(ctx context.Context, slug string, report func(upkeep.Verdict) error) error {
	return a.each(ctx, slug, func(id string) error {
		v, err := a.stores.keeper.Check(ctx, id)
		if err != nil {
			return err
		}
		return report(v)
	})
}

// each calls do for one wiki, or for all that have a folder and a record: what has
// no record is Reconcile's business.
func (a *Admin) each(ctx context.Context, slug string, do func(id string) error) error {
	if slug != "" {
		id, err := a.stores.records.WikiID(ctx, slug)
		if err != nil {
			return err
		}
		return do(id)
	}
	ids, err := a.stores.git.Wikis(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for i, id := range ids {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, fault.Wrap(err, fault.Unavailable, "go through the wikis: stopped after %d of %d", i, len(ids)))...)
		}
		if _, err := a.stores.records.Wiki(ctx, id); fault.Is(err, fault.NotFound) {
			continue
		}
		errs = append(errs, do(id))
	}
	return errors.Join(errs...)
}

// RotateKeys begins a rotation of the signing keys, which nobody notices: the new
// key is published now and signs in an hour. With replace, for when a key got out,
// a new one signs at once and all others are worthless: everybody has to sign in
// again. A process that serves the folder sees it by itself.
func (a *Admin) RotateKeys(ctx context.Context, replace bool) error {
	keys, err := keydir.Open(filepath.Join(a.data, "keys"))
	if err != nil {
		return err
	}
	if replace {
		return keys.Replace(ctx)
	}
	return keys.RotateNow(ctx)
}

// Reconcile brings records and repositories together after one of them was
// restored from a backup, and hands each finding to report. Nobody may be
// serving the folder.
func (a *Admin) Reconcile(ctx context.Context, report func(wiki.Reconciliation)) error {
	held, err := lock(a.data)
	if err != nil {
		return err
	}
	return errors.Join(a.stores.engine.ReconcileAll(ctx, report), held.Close())
}
