package gitstore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// origin is a source of an import, brought onto the disk.
type origin struct {
	dir   string   // its objects are in dir/objects
	packs []string // names of its packs, without extension
	head  OID
}

// open makes the source readable as a folder of objects.
func (im *importer) open(ctx context.Context, source string) (origin, error) {
	scheme, rest, isURL := strings.Cut(source, "://")
	switch {
	case source == "":
		return origin{}, im.refuse("no source is given; name a repository, a bundle file or a URL")
	case isURL && scheme == "file":
		u, err := url.Parse(source)
		if err != nil || u.Host != "" && u.Host != "localhost" {
			return origin{}, im.refuse("a file URL must look like file:///folder/of/repository")
		}
		source, _ = url.PathUnescape(strings.TrimPrefix(rest, u.Host))
	case isURL:
		return im.fetch(ctx, scheme, source)
	}
	st, err := os.Stat(source)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isSCP(source):
		return im.fetch(ctx, "ssh", source)
	case errors.Is(err, fs.ErrNotExist):
		return origin{}, im.refuse("there is no such file or folder")
	case err != nil:
		return origin{}, err
	case st.IsDir():
		return im.openFolder(source)
	case st.Mode().IsRegular():
		return im.openBundle(ctx, source)
	default:
		return origin{}, im.refuse("it is neither a folder nor a file")
	}
}

// isSCP recognises user@host:path, ssh's short form.
func isSCP(source string) bool {
	host, path, ok := strings.Cut(source, ":")
	return ok && path != "" && host != "" && !strings.Contains(host, "/") && strings.Contains(host, "@")
}

// withoutPassword is the source as messages may show it.
func withoutPassword(source string) string {
	u, err := url.Parse(source)
	if err != nil || u.User == nil {
		return source
	}
	u.User = nil
	return u.String()
}

// openFolder finds the git folder of a repository, bare or not.
func (im *importer) openFolder(path string) (origin, error) {
	dir := path
	if isGitDir(filepath.Join(path, ".git")) {
		dir = filepath.Join(path, ".git")
	} else if !isGitDir(path) {
		// In a linked work tree or a submodule, .git is a file that points elsewhere.
		if b, err := os.ReadFile(filepath.Join(path, ".git")); err == nil && bytes.HasPrefix(b, []byte("gitdir: ")) {
			return origin{}, im.refuse("it is a linked work tree or a submodule; clone it first (git clone %s <folder>) and import the clone", path)
		}
		return origin{}, im.refuse("it is not a git repository; name the folder that git init or git clone made")
	}
	if err := im.checkFormat(dir); err != nil {
		return origin{}, err
	}
	head, err := im.chooseLocal(dir)
	if err != nil {
		return origin{}, err
	}
	names, err := os.ReadDir(filepath.Join(dir, "objects", "pack"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return origin{}, err
	}
	o := origin{dir: dir, head: head}
	for _, n := range names {
		name, ok := strings.CutSuffix(n.Name(), ".idx") // without one git does not use a pack either
		if ok && strings.HasPrefix(name, "pack-") {
			o.packs = append(o.packs, name)
		}
	}
	return o, nil
}

func isGitDir(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "HEAD"))
	st, oerr := os.Stat(filepath.Join(dir, "objects"))
	return err == nil && oerr == nil && st.IsDir()
}

// checkFormat refuses repositories whose history is not all in the folder, or
// not in a form that is read here.
func (im *importer) checkFormat(dir string) error {
	for _, c := range []struct{ file, msg string }{
		{"objects/info/alternates", "it borrows objects from another repository (alternates); run git repack -ad in it and remove objects/info/alternates, or import a full clone (git clone --no-local)"},
		{"shallow", "it is a shallow clone; run git fetch --unshallow in it first"},
	} {
		if st, err := os.Stat(filepath.Join(dir, c.file)); err == nil && st.Size() > 0 {
			return im.refuse("%s", c.msg)
		}
	}
	config, err := os.ReadFile(filepath.Join(dir, "config"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for line := range strings.Lines(strings.ToLower(string(config))) {
		key, value, _ := strings.Cut(line, "=")
		switch key, value = strings.TrimSpace(key), strings.TrimSpace(value); {
		case key == "objectformat" && value != "sha1":
			return im.refuse("its ids are not SHA-1, which is the only kind that wikis have")
		case key == "refstorage" && value != "files":
			return im.refuse("it keeps its branches as %s; import a bundle instead (git bundle create wiki.bundle HEAD main)", value)
		}
	}
	return nil
}

func (im *importer) chooseLocal(dir string) (OID, error) {
	b, err := os.ReadFile(filepath.Join(dir, "HEAD"))
	if err != nil {
		return OID{}, err
	}
	refs, err := localBranches(dir)
	if err != nil {
		return OID{}, err
	}
	target, symbolic := strings.CutPrefix(strings.TrimSpace(string(b)), "ref: ")
	if !symbolic {
		var id OID
		if parseID(&id, bytes.TrimSpace(b)) != nil {
			return OID{}, im.refuse("its HEAD is damaged")
		}
		return id, nil
	}
	return im.choose(refs, target)
}

// localBranches reads all branches, loose and packed.
func localBranches(dir string) (map[string]OID, error) {
	refs := map[string]OID{}
	packed, err := os.ReadFile(filepath.Join(dir, "packed-refs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(packed)) {
		var id OID
		value, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if parseID(&id, []byte(value)) == nil {
			refs[name] = id
		}
	}
	err = filepath.WalkDir(filepath.Join(dir, "refs", "heads"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return ignoreMissing(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return ignoreMissing(err)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		var id OID
		if parseID(&id, bytes.TrimSpace(b)) == nil {
			refs[filepath.ToSlash(name)] = id
		}
		return nil
	})
	return refs, err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// choose picks the branch to import: the one that HEAD names, else main, else
// master, else the only one.
func (im *importer) choose(refs map[string]OID, head string) (OID, error) {
	for _, name := range []string{head, "HEAD", mainRef, "refs/heads/master"} {
		if id, ok := refs[name]; ok && name != "" {
			return id, nil
		}
	}
	var branches []string
	for name := range refs {
		if strings.HasPrefix(name, "refs/heads/") {
			branches = append(branches, strings.TrimPrefix(name, "refs/heads/"))
		}
	}
	switch slices.Sort(branches); len(branches) {
	case 0:
		return OID{}, im.refuse("it has no commits yet; make one first, or create the wiki empty")
	case 1:
		return refs["refs/heads/"+branches[0]], nil
	default:
		return OID{}, im.refuse("it has several branches (%s, …) and HEAD names none of them; check one out first", strings.Join(branches[:2], ", "))
	}
}

// openBundle unpacks a bundle (gitformat-bundle(5)).
func (im *importer) openBundle(ctx context.Context, path string) (origin, error) {
	f, err := os.Open(path)
	if err != nil {
		return origin{}, err
	}
	defer func() { _ = f.Close() }() // only read
	in := bufio.NewReaderSize(f, 64<<10)
	first, _ := in.ReadString('\n') // too short is no bundle either
	switch first {
	case "# v2 git bundle\n", "# v3 git bundle\n":
	default:
		return origin{}, im.refuse("the file is not a git bundle; make one with git bundle create wiki.bundle HEAD main")
	}
	refs, err := im.bundleRefs(in)
	if err != nil {
		return origin{}, err
	}
	head, err := im.choose(refs, "")
	if err != nil {
		return origin{}, err
	}
	st, err := f.Stat()
	if err != nil {
		return origin{}, err
	}
	name, err := im.savePack(ctx, in, st.Size())
	return origin{dir: im.tmp, packs: []string{name}, head: head}, err
}

func (im *importer) bundleRefs(in *bufio.Reader) (map[string]OID, error) {
	refs := map[string]OID{}
	for {
		b, err := in.ReadSlice('\n')
		if err != nil || len(refs) > 100_000 {
			return nil, im.refuse("the bundle's head is damaged; make it again")
		}
		line := strings.TrimSuffix(string(b), "\n")
		switch {
		case line == "":
			return refs, nil
		case line[0] == '-':
			return nil, im.refuse("the bundle holds only a part of the history and builds on commit %.12s; make one of all (git bundle create wiki.bundle HEAD main)", line[1:])
		case line == "@object-format=sha1":
		case line[0] == '@':
			return nil, im.refuse("the bundle needs %q, which is not known here; make one of all objects (git bundle create --version=2 wiki.bundle HEAD main)", line[1:])
		default:
			var id OID
			value, name, _ := strings.Cut(line, " ")
			if parseID(&id, []byte(value)) != nil {
				return nil, im.refuse("the bundle's head is damaged; make it again")
			}
			refs[name] = id
		}
	}
}

// savePack copies a pack from a stream into the temporary folder.
func (im *importer) savePack(ctx context.Context, in io.Reader, total int64) (name string, err error) {
	name = "pack-fetched"
	f, err := im.store.disk.create(filepath.Join(im.tmp, "objects", "pack", name+".pack"))
	if err != nil {
		return "", im.unavailable(err)
	}
	buf := make([]byte, 256<<10)
	for done := int64(0); err == nil; {
		var n int
		n, err = in.Read(buf)
		if _, werr := f.Write(buf[:n]); werr != nil {
			err = im.unavailable(werr)
			break
		}
		if done += int64(n); done > im.limits.pack {
			err = fmt.Errorf("it is larger than %d bytes", im.limits.pack)
		}
		if err == nil {
			err = ctx.Err()
		}
		im.report.at("copying", done, total)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if cerr := f.Close(); err == nil && cerr != nil {
		err = im.unavailable(cerr)
	}
	return name, err
}
