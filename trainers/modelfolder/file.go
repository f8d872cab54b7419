package modelfolder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"debut/datasets/sealed"
)

// maxText bounds a file that is read whole before anything is known of it but its checksum.
const maxText = 1 << 30

// regular returns an error for a file of a model that is none itself: a link could lead anywhere, a pipe never end.
func regular(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return info, regularMode(path, info.Mode())
}

func regularMode(path string, mode fs.FileMode) error {
	what := "no regular file"
	switch {
	case mode.IsRegular():
		return nil
	case mode&fs.ModeSymlink != 0:
		what = "a link; copy the file itself into the folder"
	case mode.IsDir():
		what = "a folder"
	case mode&fs.ModeNamedPipe != 0:
		what = "a pipe"
	case mode&fs.ModeDevice != 0:
		what = "a device"
	}
	return fmt.Errorf("model: %s is %s: %w", path, what, ErrFormat)
}

// openRegular opens a file and returns its size.
func openRegular(path string) (*os.File, int64, error) {
	before, err := regular(path)
	if err != nil {
		return nil, 0, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may have become a pipe
	if err != nil {
		return nil, 0, fmt.Errorf("model: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !os.SameFile(before, info) {
		err = fmt.Errorf("model: %s is being replaced; try again", path)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// readText reads a whole file of at most limit bytes.
func readText(path string, limit int64) (text []byte, err error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if size > limit {
		return nil, fmt.Errorf("model: %s has %d bytes, more than the %d that there can be: %w%s", path, size, limit, ErrFormat, remedy)
	}
	text = make([]byte, size)
	if _, err := io.ReadFull(f, text); err != nil {
		return nil, fmt.Errorf("model: reading %s: %w", path, err)
	}
	return text, nil
}

// file is where a file of the model lies.
func (r *Reader) file(name string) string {
	if r.header.Encrypted {
		return r.Path(name) + sealed.Extension
	}
	return r.Path(name)
}

// checksum returns the checksum of a file.
func (r *Reader) checksum(name string) (string, error) {
	sum, ok := r.sums[name]
	if !ok {
		return "", fmt.Errorf("model: %s: sha256: there is none of %s: %w%s", r.place, name, ErrFormat, remedy)
	}
	return sum, nil
}

func (r *Reader) compare(name, sum string, got []byte) error {
	if hex.EncodeToString(got) != sum {
		return fmt.Errorf("model: %s is damaged, or of another model: its SHA-256 is not the one in model.json%s", r.file(name), remedy)
	}
	return nil
}

// Read reads a file, compares its checksum with that in model.json, and decrypts it where the model is encrypted.
func (r *Reader) Read(name string) ([]byte, error) {
	sum, err := r.checksum(name)
	if err != nil {
		return nil, err
	}
	data, err := readText(r.file(name), maxText)
	if err != nil {
		return nil, err
	}
	got := sha256.Sum256(data)
	if err := r.compare(name, sum, got[:]); err != nil {
		return nil, err
	}
	if !r.header.Encrypted {
		return data, nil
	}
	var plain bytes.Buffer
	plain.Grow(len(data))
	if err := sealed.DecryptFrom(&plain, bytes.NewReader(data), r.file(name), r.keys); err != nil {
		return nil, fmt.Errorf("the model is encrypted: %w", err)
	}
	return plain.Bytes(), nil
}

// Stream opens a file that may be too large to be read whole, and hands it to look, which may refuse it by its first bytes and
// its size, before its checksum is computed; after that to use. A file that is encrypted is decrypted into memory before.
func (r *Reader) Stream(name string, look, use func(f io.ReaderAt, size int64) error) (err error) {
	sum, err := r.checksum(name)
	if err != nil {
		return err
	}
	f, size, err := openRegular(r.file(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var file io.ReaderAt = f
	whole := func() error {
		h := sha256.New()
		if n, err := io.Copy(h, io.NewSectionReader(f, 0, size)); err != nil || n != size {
			return fmt.Errorf("model: reading %s: %w", r.file(name), errors.Join(err, io.ErrUnexpectedEOF))
		}
		return r.compare(name, sum, h.Sum(nil))
	}
	if r.header.Encrypted {
		// The cipher vouches for each piece, so that a file of nothing is not read to its end.
		h := sha256.New()
		var plain bytes.Buffer
		if err := sealed.DecryptFrom(&plain, io.TeeReader(io.NewSectionReader(f, 0, size), h), r.file(name), r.keys); err != nil {
			return fmt.Errorf("model: %s is encrypted: %w", r.file(name), err)
		}
		if err := r.compare(name, sum, h.Sum(nil)); err != nil {
			return err
		}
		file, size = bytes.NewReader(plain.Bytes()), int64(plain.Len())
	}
	if err := look(file, size); err != nil {
		return r.FileError(name, err)
	}
	if !r.header.Encrypted {
		if err := whole(); err != nil {
			return err
		}
	}
	if err := use(file, size); err != nil {
		return r.FileError(name, err)
	}
	return nil
}
