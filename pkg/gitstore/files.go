package gitstore

import (
	"container/list"
	"sync"
)

// files bounds the open descriptors of a store. Files beyond the bound are
// closed, least recently used first, and opened again when they are needed.
type files struct {
	disk disk
	max  int

	mu   sync.Mutex
	open *list.List // of *file, most recently used first
}

// file is a pack or a folder that is opened on first use.
type file struct {
	pool *files
	name string

	mu    sync.Mutex
	f     readFile
	users int

	elem *list.Element // guarded by pool.mu
}

func newFiles(d disk, max int) *files { return &files{disk: d, max: max, open: list.New()} }

func (p *files) file(name string) *file { return &file{pool: p, name: name} }

// use calls f with the open file, which stays open until f returns.
func (fl *file) use(f func(readFile) error) error {
	h, err := fl.acquire()
	if err != nil {
		return err
	}
	defer fl.release()
	return f(h)
}

func (fl *file) acquire() (readFile, error) {
	fl.mu.Lock()
	if fl.f == nil {
		f, err := fl.pool.disk.open(fl.name)
		if err != nil {
			fl.mu.Unlock()
			return nil, err
		}
		fl.f = f
	}
	fl.users++
	h := fl.f
	fl.mu.Unlock()
	fl.pool.touch(fl)
	return h, nil
}

func (fl *file) release() {
	fl.mu.Lock()
	fl.users--
	fl.mu.Unlock()
}

// close closes the file if nobody reads it, and says whether it did.
func (fl *file) close() bool {
	if !fl.mu.TryLock() {
		return false
	}
	defer fl.mu.Unlock()
	if fl.users > 0 {
		return false
	}
	if fl.f != nil {
		_ = fl.f.Close() // read only: nothing can be lost
		fl.f = nil
	}
	return true
}

func (p *files) touch(fl *file) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if fl.elem != nil {
		p.open.MoveToFront(fl.elem)
		return
	}
	fl.elem = p.open.PushFront(fl)
	for e := p.open.Back(); e != nil && p.open.Len() > p.max; {
		prev := e.Prev()
		if old := e.Value.(*file); old != fl && old.close() {
			p.open.Remove(e)
			old.elem = nil
		}
		e = prev
	}
}

// forget closes the file for good, as soon as nobody reads it.
func (p *files) forget(fl *file) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if fl.elem != nil && fl.close() {
		p.open.Remove(fl.elem)
		fl.elem = nil
	}
}
