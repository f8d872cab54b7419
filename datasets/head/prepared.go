package head

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/manifest"
	"debut/datasets/scratch"
	"debut/datasets/sealed"
	"debut/datasets/table"
)

// ErrEncrypted is matched where prepared data are encrypted and no key is given.
var ErrEncrypted = errors.New("the data are encrypted")

// prepared reads the beginning of a part of prepared data. Its rows are in random order
// unless they were prepared otherwise.
func (r *reading) prepared(dir, name string) (*Table, error) {
	d, err := manifest.Read(dir)
	if errors.Is(err, manifest.ErrNotFound) {
		return nil, fmt.Errorf("%w, or name a file in it, for example %s", err, filepath.Join(name, "*.csv"))
	}
	if err != nil {
		return nil, err
	}
	wanted := r.o.Part
	if wanted == "" {
		wanted = manifest.Train
	}
	part := d.Part(wanted)
	if part == nil {
		var names []string
		for _, p := range d.Parts {
			names = append(names, p.Name)
		}
		return nil, fmt.Errorf("%s has no part %q; it has %s", name, wanted, strings.Join(names, ", "))
	}
	file := filepath.Join(dir, part.File)
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("%s names %s, which cannot be read; prepare the data again, or copy them again: %w", filepath.Join(name, manifest.File), part.File, err)
	}
	if d.Encrypted {
		if file, err = r.decrypt(file); err != nil {
			return nil, err
		}
	}
	t, err := r.parquet(table.Source{Path: configfile.Strings{file}})
	if err != nil {
		return nil, err
	}
	t.Name, t.Part = name, part.Name
	for i := range t.Columns {
		c := &t.Columns[i]
		m := d.Column(c.Name)
		if m == nil {
			return nil, fmt.Errorf("%s has a column %q, which %s lacks; prepare the data again", part.File, c.Name, manifest.File)
		}
		c.Type, c.SQL, c.Problem = m.Type, m.SQL, ""
	}
	return t, nil
}

// decrypt puts the content of a file into a temporary one: a reader of Parquet begins at its end.
func (r *reading) decrypt(file string) (string, error) {
	if len(r.o.Keys) == 0 {
		return "", fmt.Errorf("%s: %w", filepath.Base(file), ErrEncrypted)
	}
	f, err := scratch.NewFile("")
	if err != nil {
		return "", fmt.Errorf("decrypt %s: %w", filepath.Base(file), err)
	}
	r.plain = f
	return f.Path(), sealed.Decrypt(f, file, r.o.Keys)
}
