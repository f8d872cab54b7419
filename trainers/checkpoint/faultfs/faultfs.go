// Package faultfs is a file system in memory for tests, which fails at a chosen operation and forgets at a crash what
// was not flushed.
//
// It promises as little as POSIX does. Until a file is flushed, a crash may leave any of its blocks old, new, zero or
// missing; until a folder is flushed, each entry that was made, renamed or removed in it may or may not survive,
// independently of the others. A rename itself is never torn.
package faultfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"debut/datasets/atomicfile"
)

// ErrStopped is what every operation returns after the process was stopped.
var ErrStopped = errors.New("faultfs: the process was stopped")

// Fault is what happens at an operation.
type Fault int

const (
	// Fail returns an error, EIO, and does nothing; a flush that fails loses what it should have flushed.
	Fail Fault = iota
	// FailAfter does the operation and returns EIO all the same, but for opening and creating files: nobody could
	// remove a file whose name was not told.
	FailAfter
	// Full returns ENOSPC; of what should be written, half is.
	Full
	// Stop ends the process before the operation, or in a write, in its middle.
	Stop
	// StopAfter ends the process after the operation.
	StopAfter
)

// Faults lists all of them.
var Faults = []Fault{Fail, FailAfter, Full, Stop, StopAfter}

func (f Fault) String() string {
	return []string{"fail", "fail after", "full", "stop", "stop after"}[f]
}

const block = 64 // small, so that small test files have several

type inode struct {
	data    []byte
	durable []byte
	flushed bool // data is durable
}

// change is an entry of a folder that was changed and not flushed.
type change struct {
	dir      string
	removed  string // path that went, if any
	path     string // path that came, if any
	node     *inode // of path
	isFolder bool   // path is a folder
}

// FS is the file system. Its methods may be called from several goroutines.
type FS struct {
	mu             sync.Mutex
	files, durable map[string]*inode
	dirs, lasting  map[string]bool
	pending        []change
	faults         map[int]Fault
	ops, temps     int
	stopped        bool
	trace          []string
	capacity       int64
}

var _ atomicfile.FS = (*FS)(nil)

// New makes an empty file system that holds the given folders.
func New(dirs ...string) *FS {
	f := &FS{files: map[string]*inode{}, durable: map[string]*inode{}, dirs: map[string]bool{}, lasting: map[string]bool{}}
	for _, d := range dirs {
		f.dirs[filepath.Clean(d)] = true
		f.lasting[filepath.Clean(d)] = true
	}
	return f
}

// Inject makes faults happen at operations, counted from 0, of now on.
func (f *FS) Inject(faults map[int]Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults, f.ops, f.trace = maps.Clone(faults), 0, nil
}

// Ops is the number of operations since the last Inject or Restart.
func (f *FS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// Trace names the operations since the last Inject or Restart.
func (f *FS) Trace() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.trace)
}

// SetCapacity bounds the bytes of all files together; 0: no bound.
func (f *FS) SetCapacity(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capacity = n
}

// Stopped reports whether a fault stopped the process.
func (f *FS) Stopped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopped
}

// Restart is a new process on the same machine: everything written is there. It takes away all faults.
func (f *FS) Restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restart()
}

func (f *FS) restart() { f.stopped, f.faults, f.ops, f.trace = false, nil, 0, nil }

// PowerFailure is a new process after the machine failed: of what was not flushed, r decides what is left. It takes
// away all faults.
func (f *FS) PowerFailure(r *rand.Rand) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.pending {
		if r.IntN(2) == 0 {
			f.apply(c)
		}
	}
	f.pending = nil
	f.dirs = maps.Clone(f.lasting)
	f.files = map[string]*inode{}
	for _, path := range slices.Sorted(maps.Keys(f.durable)) {
		if !f.dirs[filepath.Dir(path)] { // its folder is gone
			delete(f.durable, path)
			continue
		}
		n := f.durable[path]
		if !n.flushed {
			n.data, n.flushed = torn(n, r), true
			n.durable = slices.Clone(n.data)
		}
		f.files[path] = n
	}
	f.restart()
}

// torn is what is left of content that was not flushed.
func torn(n *inode, r *rand.Rand) []byte {
	size := len(n.data)
	switch r.IntN(3) {
	case 0:
		size = len(n.durable)
	case 1:
		size = r.IntN(len(n.data) + 1)
	}
	out := make([]byte, size)
	for at := 0; at < size; at += block {
		to := out[at:min(at+block, size)]
		switch from := [][]byte{n.data, n.durable, nil}[r.IntN(3)]; {
		case at < len(from):
			copy(to, from[at:])
		case r.IntN(4) == 0:
			for i := range to {
				to[i] = byte(r.Uint32())
			}
		}
	}
	return out
}

func (f *FS) apply(c change) {
	if c.removed != "" {
		delete(f.durable, c.removed)
	}
	switch {
	case c.isFolder:
		f.lasting[c.path] = true
	case c.path != "":
		f.durable[c.path] = c.node
	}
}

// begin counts an operation. After is what the operation returns when it is done; with an error it is not to be done,
// but for a write in its half.
func (f *FS) begin(op, path string) (after func() error, half bool, err error) {
	if f.stopped {
		return nil, false, ErrStopped
	}
	fault, ok := f.faults[f.ops]
	f.ops++
	f.trace = append(f.trace, op+" "+filepath.Base(path))
	pathErr := func(err error) error { return &fs.PathError{Op: op, Path: path, Err: err} }
	after = func() error { return nil }
	if !ok {
		return after, false, nil
	}
	switch fault {
	case Fail:
		return nil, false, pathErr(syscall.EIO)
	case FailAfter:
		return func() error { return pathErr(syscall.EIO) }, false, nil
	case Full:
		return nil, true, pathErr(syscall.ENOSPC)
	case Stop:
		f.stopped = true
		return nil, true, ErrStopped
	}
	return func() error { f.stopped = true; return ErrStopped }, false, nil
}

func notExist(op, path string) error { return &fs.PathError{Op: op, Path: path, Err: fs.ErrNotExist} }

// Create implements atomicfile.FS.
func (f *FS) Create(dir, pattern string) (atomicfile.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir = filepath.Clean(dir)
	after, _, err := f.begin("create", filepath.Join(dir, pattern))
	if err != nil {
		return nil, err
	}
	if !f.dirs[dir] {
		return nil, notExist("create", dir)
	}
	if err := after(); err != nil && !f.stopped {
		return nil, err
	}
	f.temps++
	path := filepath.Join(dir, fmt.Sprintf("%s%d", pattern[:len(pattern)-1], f.temps)) // pattern ends in a star
	n := &inode{}
	f.files[path] = n
	f.pending = append(f.pending, change{dir: dir, path: path, node: n})
	if f.stopped {
		return nil, ErrStopped
	}
	return &file{f, n, path}, nil
}

type file struct {
	f    *FS
	n    *inode
	path string
}

func (w *file) Name() string { return w.path }

func (w *file) Write(p []byte) (int, error) {
	f := w.f
	f.mu.Lock()
	defer f.mu.Unlock()
	after, half, err := f.begin("write", w.path)
	if half {
		p = p[:len(p)/2]
	} else if err != nil {
		return 0, err
	}
	if room := f.capacity - f.used(); f.capacity > 0 && int64(len(p)) > room && err == nil {
		p, err = p[:max(room, 0)], &fs.PathError{Op: "write", Path: w.path, Err: syscall.ENOSPC}
	}
	w.n.data = append(w.n.data, p...)
	w.n.flushed = false
	if err == nil {
		err = after()
	}
	return len(p), err
}

func (f *FS) used() int64 {
	n := int64(0)
	for _, i := range f.files {
		n += int64(len(i.data))
	}
	return n
}

func (w *file) Sync() error {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	after, _, err := w.f.begin("sync", w.path)
	if err != nil {
		return err // the data stays readable, as from a page cache, and is lost at a power failure
	}
	w.n.durable, w.n.flushed = slices.Clone(w.n.data), true
	return after()
}

func (w *file) Close() error { return w.f.simple("close", w.path) }

func (w *file) Chmod(fs.FileMode) error { return w.f.simple("chmod", w.path) }

func (f *FS) simple(op, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	after, _, err := f.begin(op, path)
	if err != nil {
		return err
	}
	return after()
}

// Rename implements atomicfile.FS, within one folder.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	from, to = filepath.Clean(from), filepath.Clean(to)
	after, _, err := f.begin("rename", to)
	if err != nil {
		return err
	}
	n, ok := f.files[from]
	if !ok || filepath.Dir(from) != filepath.Dir(to) {
		return notExist("rename", from)
	}
	delete(f.files, from)
	f.files[to] = n
	f.pending = append(f.pending, change{dir: filepath.Dir(to), removed: from, path: to, node: n})
	return after()
}

// Remove implements atomicfile.FS, for files.
func (f *FS) Remove(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	path = filepath.Clean(path)
	after, _, err := f.begin("remove", path)
	if err != nil {
		return err
	}
	if f.files[path] == nil {
		return notExist("remove", path)
	}
	delete(f.files, path)
	f.pending = append(f.pending, change{dir: filepath.Dir(path), removed: path})
	return after()
}

// SyncDir implements atomicfile.FS.
func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir = filepath.Clean(dir)
	after, _, err := f.begin("syncdir", dir)
	if err != nil {
		return err
	}
	if !f.dirs[dir] {
		return notExist("syncdir", dir)
	}
	f.pending = slices.DeleteFunc(f.pending, func(c change) bool {
		if c.dir == dir {
			f.apply(c)
		}
		return c.dir == dir
	})
	return after()
}

// MkdirAll implements atomicfile.FS.
func (f *FS) MkdirAll(dir string, _ fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir = filepath.Clean(dir)
	after, _, err := f.begin("mkdir", dir)
	if err != nil {
		return err
	}
	for ; !f.dirs[dir] && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		f.dirs[dir] = true
		f.pending = append(f.pending, change{dir: filepath.Dir(dir), path: dir, isFolder: true})
	}
	return after()
}

// ReadDir implements atomicfile.FS, for files.
func (f *FS) ReadDir(dir string) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir = filepath.Clean(dir)
	after, _, err := f.begin("readdir", dir)
	if err != nil {
		return nil, err
	}
	if !f.dirs[dir] {
		return nil, notExist("readdir", dir)
	}
	var out []fs.DirEntry
	for _, path := range slices.Sorted(maps.Keys(f.files)) {
		if filepath.Dir(path) == dir {
			out = append(out, entry(filepath.Base(path)))
		}
	}
	return out, after()
}

// entry is a regular file in a folder.
type entry string

func (e entry) Name() string               { return string(e) }
func (e entry) IsDir() bool                { return false }
func (e entry) Type() fs.FileMode          { return 0 }
func (e entry) Info() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }

// Free implements atomicfile.FS.
func (f *FS) Free(dir string) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	after, _, err := f.begin("free", dir)
	if err != nil {
		return 0, err
	}
	if f.capacity == 0 {
		return 1 << 50, after()
	}
	return uint64(max(f.capacity-f.used(), 0)), after()
}

// Open implements atomicfile.FS.
func (f *FS) Open(path string) (atomicfile.Reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path = filepath.Clean(path)
	after, _, err := f.begin("open", path)
	if err != nil {
		return nil, err
	}
	n := f.files[path]
	if n == nil {
		return nil, notExist("open", path)
	}
	if err := after(); err != nil {
		return nil, err
	}
	return &opened{f, n, path, int64(len(n.data))}, nil
}

type opened struct {
	f    *FS
	n    *inode
	path string
	size int64
}

func (r *opened) Size() int64 { return r.size }

func (r *opened) Close() error { return r.f.simple("close", r.path) }

func (r *opened) ReadAt(p []byte, off int64) (int, error) {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	after, _, err := r.f.begin("read", r.path)
	if err != nil {
		return 0, err
	}
	if off < 0 || off > int64(len(r.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, r.n.data[off:])
	if err := after(); err != nil {
		return n, err
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Names lists all files, in order.
func (f *FS) Names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.files))
}

// Content is the content of a file, nil where there is none.
func (f *FS) Content(path string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.files[filepath.Clean(path)]; n != nil {
		return slices.Clone(n.data)
	}
	return nil
}

// SetContent makes data the content of a file, durably, without faults; nil removes it.
func (f *FS) SetContent(path string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path = filepath.Clean(path)
	if data == nil {
		delete(f.files, path)
		delete(f.durable, path)
		return
	}
	n := &inode{data: slices.Clone(data), durable: slices.Clone(data), flushed: true}
	f.files[path], f.durable[path] = n, n
}
