package table

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"debut/datasets/notation"
	"debut/datasets/npy"
)

// blockJoin gives the vectors of one block after another. Only the ids of the
// matrix are in memory, not its rows.
type blockJoin struct {
	vectorJoin
	file    *npy.Reader
	rows    int
	index   map[string]int32 // rows by id; nil: keys are their numbers
	failure error            // of the file, or of a key
	// The first row of the matrix that occurs and holds no vector, and why.
	badRow int
	bad    error
}

// openJoins opens the matrices. What is wrong with one is told when the rows have
// been read.
func (b *blockReading) openJoins() {
	b.join = len(b.chosen.joins)
	for k, v := range b.chosen.joins {
		j := &blockJoin{vectorJoin: v}
		b.joins = append(b.joins, j)
		if j.failure = j.open(b.ctx); j.failure != nil {
			b.join = min(b.join, k)
		}
	}
}

func (b *blockReading) closeJoins() {
	for _, j := range b.joins {
		if j.file != nil {
			_ = j.file.Close() // it was read only
		}
	}
}

func (j *blockJoin) open(ctx context.Context) (err error) {
	if j.file, err = npy.Open(j.matrix); err != nil {
		return fmt.Errorf("vectors %s: %w", j.name, err)
	}
	j.rows = j.file.Rows()
	if width := j.file.Width(); j.rows < 1 || j.rows > math.MaxInt32 || width < 1 || width > MaxWidth {
		return j.badShape(j.rows, width)
	}
	if j.ids != "" {
		j.index, err = j.readIndex(ctx, j.rows)
	}
	return err
}

// reset forgets what was wrong with rows, but not with the files.
func (j *blockJoin) reset() {
	var v *ValueError
	if errors.As(j.failure, &v) {
		j.failure = nil
	}
	j.bad = nil
}

// err is what is wrong with the vectors of the source.
func (j *blockJoin) err() error {
	if j.failure != nil {
		return j.failure
	}
	return j.noVector(j.badRow, j.bad)
}

// block returns the vectors of the rows from first on, nil where there was a
// mistake among them, or before. An error is that of reading.
func (j *blockJoin) block(ctx context.Context, r *relation, keys *Series, first int) (*Series, error) {
	if j.failure != nil {
		return nil, nil
	}
	at := make([]int32, len(keys.Dict))
	for code, text := range keys.Dict {
		if j.index != nil {
			row, ok := notation.FindCategory(j.index, text)
			if !ok {
				row = -1
			}
			at[code] = row
			continue
		}
		n, err := strconv.ParseInt(notation.Category(text), 10, 64)
		if err != nil || n < 0 || n >= int64(j.rows) {
			place := ""
			if i := slices.Index(keys.Codes, int32(code)); i >= 0 {
				place = r.origin.rowPlace(first + i)
			}
			j.failure = j.noRow(place, keys.Name, text, j.rows)
			return nil, nil
		}
		at[code] = int32(n)
	}
	// Rows of the matrix that occur, in its order.
	used := slices.Clone(at)
	slices.Sort(used)
	used = slices.Compact(used)
	if len(used) > 0 && used[0] < 0 {
		used = used[1:]
	}
	width := j.file.Width()
	s := &Series{Name: j.name, Kind: Vector, Width: width, Codes: make([]int32, len(keys.Codes)), Floats32: make([]float32, len(used)*width)}
	vectors := make([]int32, len(used)) // the vector of each, -1 for a missing one
	n := 0
	for k, row := range used {
		if k%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		v := s.Floats32[n*width : (n+1)*width]
		if err := j.file.ReadRow(int(row), v); err != nil {
			return nil, fmt.Errorf("vectors %s: %w", j.name, err)
		}
		present, err := checkVector(v)
		if err != nil && (j.bad == nil || int(row) < j.badRow) {
			j.bad, j.badRow = err, int(row)
		}
		if vectors[k] = -1; present {
			vectors[k] = int32(n)
			n++
		}
	}
	if j.bad != nil {
		return nil, nil
	}
	s.Floats32 = s.Floats32[:n*width]
	of := make([]int32, len(at))
	for code, row := range at {
		of[code] = -1
		if row >= 0 {
			k, _ := slices.BinarySearch(used, row)
			of[code] = vectors[k]
		}
	}
	for i, code := range keys.Codes {
		s.Codes[i] = -1
		if code >= 0 {
			s.Codes[i] = of[code]
		}
	}
	return s, nil
}
