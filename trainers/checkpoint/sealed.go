package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"filippo.io/age"

	"debut/datasets/atomicfile"
	"debut/datasets/sealed"
)

// Sealed is a file system whose files are encrypted with age: what is written
// for a key pair can be read with the same. Files that were written in the clear
// are refused, as are, with an error that matches ErrDamaged, those that were cut
// short or changed; one written for another key is neither, and its error
// matches sealed.ErrWrongKey.
func Sealed(base atomicfile.FS, key *age.X25519Identity) atomicfile.FS {
	return &sealedFS{FS: base, key: key}
}

type sealedFS struct {
	atomicfile.FS
	key *age.X25519Identity
}

// Create begins a file whose content goes through the cipher.
func (s *sealedFS) Create(dir, pattern string) (atomicfile.File, error) {
	f, err := s.FS.Create(dir, pattern)
	if err != nil {
		return nil, err
	}
	w, err := sealed.Encrypt(f, []age.Recipient{s.key.Recipient()})
	if err != nil {
		return nil, errors.Join(err, f.Close(), s.Remove(f.Name()))
	}
	return &sealedFile{File: f, w: w}, nil
}

// sealedFile is complete once it is flushed: nothing can be written after that.
type sealedFile struct {
	atomicfile.File
	w      io.WriteCloser
	sealed bool
}

func (f *sealedFile) Write(b []byte) (int, error) { return f.w.Write(b) }

func (f *sealedFile) seal() error {
	if f.sealed {
		return nil
	}
	f.sealed = true
	return f.w.Close()
}

func (f *sealedFile) Sync() error {
	if err := f.seal(); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *sealedFile) Close() error { return errors.Join(f.seal(), f.File.Close()) }

// Open opens an encrypted file; what is read of it is as it was written.
func (s *sealedFS) Open(name string) (atomicfile.Reader, error) {
	r, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	plain, size, err := age.DecryptReaderAt(r, r.Size(), s.key)
	var wrong *age.NoIdentityMatchError
	switch {
	case errors.As(err, &wrong):
		return nil, errors.Join(fmt.Errorf("%w; it was encrypted for another", sealed.ErrWrongKey), r.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("%w, or is not encrypted: %w", sealed.ErrDamaged, ErrDamaged), r.Close())
	}
	return &sealedReader{Reader: r, plain: plain, size: size}, nil
}

type sealedReader struct {
	atomicfile.Reader
	plain io.ReaderAt
	size  int64
}

func (r *sealedReader) Size() int64 { return r.size }

func (r *sealedReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := r.plain.ReadAt(b, off)
	var path *fs.PathError // the disk's own trouble
	if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, &path) {
		err = fmt.Errorf("%w: %w", sealed.ErrDamaged, ErrDamaged)
	}
	return n, err
}
