package e2e

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"testing"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/client"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/rogpeppe/go-internal/testscript"
)

// installGoGit has go-git find every .localhost name on this machine. Its
// transports are the process's: it takes none for one clone alone.
func installGoGit(t *testing.T) {
	client.InstallProtocol("http", githttp.NewClient(NewClient(nil)))
	t.Cleanup(func() { client.InstallProtocol("http", githttp.DefaultClient) })
}

// gogit runs go-git, a client that shares no code with ours or with git.
func (s *script) gogit(ts *testscript.TestScript, args []string) error {
	switch {
	case len(args) >= 3 && args[0] == "clone":
		return s.goClone(ts, args[1], args[2], args[3:])
	case len(args) == 3 && args[0] == "pull":
		return s.goPull(ts, args[1], args[2])
	}
	return errors.New("usage: gogit clone URL DIR [DEPTH], or gogit pull URL DIR")
}

func (s *script) goClone(ts *testscript.TestScript, target, dir string, depth []string) error {
	remote, auth, err := splitLogin(target)
	if err != nil {
		return err
	}
	o := &gogit.CloneOptions{URL: remote, Auth: auth}
	if len(depth) > 0 {
		if o.Depth, err = strconv.Atoi(depth[0]); err != nil {
			return err
		}
	}
	if _, err = gogit.PlainClone(ts.MkAbs(dir), false, o); err != nil {
		fmt.Fprintln(ts.Stderr(), err)
	}
	return err
}

func (s *script) goPull(ts *testscript.TestScript, target, dir string) error {
	_, auth, err := splitLogin(target)
	if err != nil {
		return err
	}
	repo, err := gogit.PlainOpen(ts.MkAbs(dir))
	if err != nil {
		return err
	}
	tree, err := repo.Worktree()
	if err == nil {
		err = tree.Pull(&gogit.PullOptions{Auth: auth})
	}
	if err != nil {
		fmt.Fprintln(ts.Stderr(), err)
	}
	return err
}

// splitLogin takes username and password out of a URL, where go-git would keep
// them in the clone's configuration.
func splitLogin(target string) (string, transport.AuthMethod, error) {
	u, err := url.Parse(target)
	if err != nil || u.User == nil {
		return target, nil, err
	}
	auth := &githttp.BasicAuth{Username: u.User.Username()}
	auth.Password, _ = u.User.Password()
	u.User = nil
	return u.String(), auth, nil
}
