package table

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/textformat"
)

// openSparse makes a table of files of sparse rows.
func (r *relation) openSparse(ctx context.Context) error {
	name := fmt.Sprintf("%ssparse_%d", duck.Reserved, r.db.Defined())
	if _, err := textformat.Stage(ctx, r.db, name, r.origin.files, textformat.Options{Format: r.format, Layout: "lists"}); err != nil {
		return err
	}
	r.sql = duck.Name(name)
	var err error
	if r.columns, err = r.db.Describe(ctx, "SELECT * FROM "+r.sql); err != nil {
		return err
	}
	for _, c := range r.columns {
		r.names = append(r.names, c.Name)
	}
	return nil
}

// completeSparse adds the features that a finished model needs and prepared sparse rows have no column of: a file of
// libsvm names those that have an entry, and any other is 0. That the files are such says the description beside them.
func (r *relation) completeSparse() {
	var absent []string
	for _, name := range r.options.Needed {
		if _, ok := manifest.SparseIndex(name); ok && !slices.Contains(r.names, name) {
			absent = append(absent, name)
		}
	}
	if len(absent) == 0 {
		return
	}
	for _, file := range r.origin.files {
		d, err := manifest.Read(filepath.Dir(file))
		if err != nil || !slices.ContainsFunc(d.Parts, func(p manifest.Part) bool { return p.File == filepath.Base(file) }) {
			return
		}
		absent = slices.DeleteFunc(absent, func(name string) bool { return !d.Sparse.Absent(name) })
	}
	items := []string{"*"}
	for _, name := range absent {
		items = append(items, "CAST(0 AS DOUBLE) AS "+duck.Name(name))
		r.columns = append(r.columns, duck.Column{Name: name, Type: mapping.TypeDouble})
		r.names = append(r.names, name)
	}
	r.sql = "(SELECT " + strings.Join(items, ", ") + " FROM " + r.sql + ")"
}
