package gitstore

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// disk is every file operation of the package, so that tests can count them and
// make any one of them fail. On a network file system each is a round trip of
// 1 to 3 ms, which is why there are so few.
type disk interface {
	// create makes a new file for writing; it fails if the name exists.
	create(name string) (writeFile, error)
	open(name string) (readFile, error)
	readFile(name string) ([]byte, error)
	// names lists a folder without looking at the files in it.
	names(dir string) ([]string, error)
	stat(name string) (fs.FileInfo, error)
	mkdirAll(name string) error
	rename(from, to string) error
	remove(name string) error
	removeAll(name string) error
}

type writeFile interface {
	io.WriteCloser
	Sync() error
}

// readFile is an open file, or an open folder that is only ever flushed.
type readFile interface {
	io.ReaderAt
	io.Closer
	Sync() error
	Stat() (fs.FileInfo, error)
}

type osDisk struct{}

func (osDisk) create(name string) (writeFile, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}
func (osDisk) open(name string) (readFile, error)    { return os.Open(name) }
func (osDisk) readFile(name string) ([]byte, error)  { return os.ReadFile(name) }
func (osDisk) stat(name string) (fs.FileInfo, error) { return os.Lstat(name) }
func (osDisk) mkdirAll(name string) error            { return os.MkdirAll(name, 0o755) }
func (osDisk) remove(name string) error              { return os.Remove(name) }
func (osDisk) removeAll(name string) error           { return os.RemoveAll(name) }

// rename is os.Rename without its look at the target before, which would be a
// round trip more for each file that is put in place.
func (osDisk) rename(from, to string) error {
	for {
		err := syscall.Rename(from, to)
		if err == nil {
			return nil
		}
		if err != syscall.EINTR {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
	}
}

func (osDisk) names(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	names, err := d.Readdirnames(-1)
	return names, errors.Join(err, d.Close())
}

// writeNew writes a new file and flushes it. When it fails the file is gone.
func writeNew(d disk, name string, data []byte) error {
	f, err := d.create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	// On a network file system a failed write may only show when closing.
	if err = errors.Join(err, f.Close()); err != nil {
		_ = d.remove(name)
	}
	return err
}

// syncDir flushes a folder, so that renames in it survive a power failure.
func syncDir(d disk, name string) error {
	f, err := d.open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
