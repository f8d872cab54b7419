package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"debut/datasets/duck"
	"debut/datasets/npy"
	"debut/datasets/wording"
)

// VectorTable is a table of ready-made vectors: a matrix in NumPy's format, one
// row an item.
type VectorTable struct {
	Matrix string // a .npy file
	IDs    string // a text file with one id a line; "": rows are numbered from 0

	IDColumn     string // name of the column of ids, "id" where empty
	VectorColumn string // name of the column of vectors, "vector" where empty
}

// Stage makes a table of db with a row for each row of the matrix: ids, BIGINT
// where all of them are whole numbers and VARCHAR otherwise, and vectors, FLOAT[],
// NULL where all numbers are NaN. It returns the files read. Paths are relative
// to baseDir. Rows are read one block after another, so that the matrix may be
// larger than memory.
func (t VectorTable) Stage(ctx context.Context, db *duck.DB, table, baseDir string) (files Files, err error) {
	one := func(path string) (string, error) {
		found, err := resolveFiles([]string{path}, baseDir)
		if err != nil {
			return "", err
		}
		if len(found) != 1 {
			return "", fmt.Errorf("%s matches %d files; name one", path, len(found))
		}
		files = append(files, found[0])
		return found[0].Path, nil
	}
	matrix, err := one(t.Matrix)
	if err != nil {
		return nil, err
	}
	in, err := npy.Open(matrix)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	rows, width := in.Rows(), in.Width()
	if rows < 1 || rows > math.MaxInt32 || width < 1 || width > MaxWidth {
		return nil, fmt.Errorf("%s has %d rows of %d numbers; there may be 1 to %d of 1 to %d", wording.FileName(matrix), rows, width, math.MaxInt32, MaxWidth)
	}
	var ids []string
	if t.IDs != "" {
		path, err := one(t.IDs)
		if err != nil {
			return nil, err
		}
		if ids, err = orderedIDs(ctx, path, matrix, rows); err != nil {
			return nil, err
		}
	}
	kind := duck.BigInt
	if !wholeNumbers(ids) {
		kind = duck.Varchar
	}
	columns := []duck.ColumnDef{{Name: cmp.Or(t.IDColumn, "id"), Type: kind}, {Name: cmp.Or(t.VectorColumn, "vector"), Type: duck.FloatList}}
	if err := db.CreateTable(ctx, table, columns); err != nil {
		return nil, err
	}
	a, err := db.NewAppender(table, []duck.ColumnType{kind, duck.FloatList})
	if err != nil {
		return nil, err
	}
	defer a.Abort()
	block := make([]float32, max(1, vectorBlock/width)*width)
	for row := 0; row < rows; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		got, err := in.ReadRows(block)
		if err != nil {
			return nil, err
		}
		for k := range got {
			switch {
			case ids == nil:
				a.Int(0, int64(row+k))
			case kind == duck.BigInt:
				n, _ := strconv.ParseInt(ids[row+k], 10, 64) // wholeNumbers has seen it
				a.Int(0, n)
			default:
				a.Text(0, []byte(ids[row+k]))
			}
			v := block[k*width : (k+1)*width]
			present, err := checkVector(v)
			if err != nil {
				return nil, &ValueError{Place: fmt.Sprintf("%s: row %d", wording.FileName(matrix), row+k),
					Problem: "the vector " + err.Error(), Remedies: []Remedy{ManualRemedy("make it finite, or all NaN where there is none")}}
			}
			if present {
				a.Float32s(1, v)
			}
			if err := a.EndRow(); err != nil {
				return nil, err
			}
		}
		row += got
	}
	return files, a.Close()
}

// orderedIDs returns the ids of a matrix's rows.
func orderedIDs(ctx context.Context, path, matrix string, rows int) ([]string, error) {
	index, err := readIDs(ctx, path, rows)
	if err != nil {
		return nil, err
	}
	if len(index) != rows {
		return nil, fmt.Errorf("%s has %d ids, but %s has %d rows; write one id a line, in the order of the rows", wording.FileName(path), len(index), wording.FileName(matrix), rows)
	}
	ids := make([]string, rows)
	for id, row := range index {
		ids[row] = id
	}
	return ids, nil
}

// wholeNumbers reports whether all ids are numbers as a database writes them.
func wholeNumbers(ids []string) bool {
	for _, id := range ids {
		if n, err := strconv.ParseInt(id, 10, 64); err != nil || strconv.FormatInt(n, 10) != id {
			return false
		}
	}
	return true
}
