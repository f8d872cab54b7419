package transfer

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"debut/datasets/configfile"
	"debut/datasets/sealed"
	"debut/engine/safetensors"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
)

// Extension is that of a file of tensors.
const Extension = ".safetensors"

// IsFile says that a path names a file of tensors, and not a model.
func IsFile(path string) bool { return strings.EqualFold(filepath.Ext(path), Extension) }

// ErrEncrypted is matched where what is gone on from is encrypted. Trainings take no keys for that.
var ErrEncrypted = errors.New("it is encrypted: write it where only you can read it, debut export MODEL --format safetensors --plain -o FOLDER, and begin with its model.safetensors")

// CheckPlain returns an error for an encrypted model or file of tensors.
func CheckPlain(place string) error {
	encrypted := strings.HasSuffix(place, Extension+sealed.Extension)
	if !encrypted && !IsFile(place) {
		var err error
		if encrypted, err = modelfolder.Encrypted(place); err != nil {
			return err
		}
	}
	if encrypted {
		return fmt.Errorf("%s: %w", place, ErrEncrypted)
	}
	return nil
}

// Place is the path of what a run file names, from its folder on.
func Place(path, baseDir string) (string, error) { return configfile.ExpandPath(path, baseDir) }

// OpenFile opens a file of tensors, anybody's: its header is checked, values that are no finite numbers are errors when they are read. What its rows belong
// to is read from the files beside it that an export writes, where they are there; names are those that rows of the targets belong to. The
// file must stay open until the source was used.
func OpenFile(path string, list []Target) (*Source, io.Closer, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, nil, fmt.Errorf("transfer: %w", err)
	}
	s, err := readFile(f, path, list)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("transfer: %s: %w", path, err), f.Close())
	}
	return s, f, nil
}

// openRegular opens a file that is no folder, and no pipe, which nobody may ever write to.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file: %w", path, safetensors.ErrFormat)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func readFile(f *os.File, path string, list []Target) (*Source, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	file, err := safetensors.Open(f, info.Size())
	if err != nil {
		return nil, err
	}
	wanted := map[string]Target{}
	for _, t := range list {
		wanted[t.Name] = t
	}
	s := &Source{Name: path, tensors: map[string]model.Tensor{}}
	for _, x := range file.Tensors() {
		t := model.Tensor{Source: safetensors.Source{Name: x.Name, Dtype: x.Dtype, Shape: x.Shape, Read: func(dst []byte, off int64) error { return file.ReadAt(x, dst, off) }}}
		to := wanted[x.Name]
		if to.RowIDs != nil && len(x.Shape) > 0 {
			t.RowName, t.RowsOfInputs = to.RowName, to.RowsOfInputs
			if t.RowIDs, err = readRows(beside(file, path, model.RowsKey(x.Name), to.RowName), x.Shape[0]); err != nil {
				return nil, err
			}
		}
		if to.ColumnIDs != nil && len(x.Shape) == 2 {
			if t.ColumnIDs, err = readRows(beside(file, path, model.ColumnsKey(x.Name), model.InputRows), x.Shape[1]); err != nil {
				return nil, err
			}
		}
		s.tensors[x.Name] = t
		s.order = append(s.order, x.Name)
	}
	return s, nil
}

// beside is the file that says what rows belong to, by the name that the metadata have under a key, or the usual one: of the same folder, whatever
// the metadata say.
func beside(file *safetensors.File, path, key, rowName string) string {
	name := cmp.Or(file.Metadata()[key], model.RowsFile(rowName))
	return filepath.Join(filepath.Dir(path), filepath.Base(name))
}

// readRows reads what n rows of a tensor belong to; nil where the file is not there.
func readRows(path string, n int) (iter.Seq[string], error) {
	ids, err := readIDs(path, n)
	if ids == nil {
		return nil, err
	}
	return slices.Values(ids), err
}

// maxRow bounds a line of a file of ids, which are anybody's.
const maxRow = 1 << 20

// bounded reads at most left bytes, and then fails.
type bounded struct {
	io.Reader
	left int
}

// Read implements io.Reader.
func (b *bounded) Read(to []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("a line of more than %d bytes: %w", maxRow, safetensors.ErrFormat)
	}
	n, err := b.Reader.Read(to[:min(len(to), b.left)])
	b.left -= n
	return n, err
}

// readIDs reads what n rows belong to; nil where the file is not there.
func readIDs(path string, n int) (ids []string, err error) {
	f, err := openRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	in := &bounded{Reader: f}
	r := csv.NewReader(in)
	r.FieldsPerRecord, r.ReuseRecord = 2, true
	ids = []string{}
	for line := 0; ; line++ {
		in.left = maxRow
		record, err := r.Read()
		switch {
		case errors.Is(err, io.EOF) && len(ids) == n:
			return ids, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%s has %d rows, and the tensor %d", path, len(ids), n)
		case err != nil:
			return nil, fmt.Errorf("%s: %w", path, err)
		case line == 0:
			continue
		case len(ids) == n:
			return nil, fmt.Errorf("%s has more rows than the %d of the tensor", path, n)
		}
		ids = append(ids, strings.Clone(record[1]))
	}
}
