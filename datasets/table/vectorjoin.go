package table

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/nearest"
	"debut/datasets/notation"
	"debut/datasets/npy"
	"debut/datasets/wording"
)

// vectorJoin is an entry of Source.Vectors: a column that a matrix adds to a
// relation.
type vectorJoin struct {
	name   string // of the new column
	on     int    // the relation's column that chooses the vector
	matrix string // path of the .npy file
	ids    string // path of the ids of its rows, "" where on holds their numbers
}

// validateVectors checks the vectors of a source.
func (s *Source) validateVectors(path string) *configfile.FieldError {
	for _, name := range slices.Sorted(maps.Keys(s.Vectors)) {
		v, at := s.Vectors[name], path+".vectors."+name
		switch {
		case name == "":
			return configfile.Errorf(path+".vectors", "the name of a column is empty")
		case strings.TrimSpace(v.Path) == "":
			return configfile.Errorf(at+".path", "no file given; name a .npy file")
		case v.On == "":
			return configfile.Errorf(at+".on", "no column given; name the one that says which vector a row has")
		}
	}
	return nil
}

// joinVectors finds the files of a source's vectors and the columns they join
// on. It returns the files.
func (r *relation) joinVectors(src *Source, baseDir string) (Files, error) {
	var files Files
	one := func(path string) (string, error) {
		found, err := resolveFiles([]string{path}, baseDir)
		if err != nil {
			return "", err
		}
		if len(found) != 1 {
			return "", fmt.Errorf("%s matches %d files; name one", path, len(found))
		}
		if !files.Contains(found[0].Path) {
			files = append(files, found[0])
		}
		return found[0].Path, nil
	}
	for _, name := range slices.Sorted(maps.Keys(src.Vectors)) {
		v := src.Vectors[name]
		j := vectorJoin{name: name, on: slices.Index(r.names, v.On)}
		if slices.Contains(r.names, name) {
			return nil, fmt.Errorf("vectors %s: the data have a column of this name already; choose another", name)
		}
		if j.on < 0 {
			return nil, fmt.Errorf("vectors %s: no column %s in the data, which has %s%s", name, wording.Quote(v.On), wording.List(r.names, wording.MaxListed), nearest.DidYouMean(v.On, r.names))
		}
		var err error
		if j.matrix, err = one(v.Path); err != nil {
			return nil, fmt.Errorf("vectors %s: %w", name, err)
		}
		if v.IDs != "" {
			if j.ids, err = one(v.IDs); err != nil {
				return nil, fmt.Errorf("vectors %s: %w", name, err)
			}
		}
		r.joins = append(r.joins, j)
	}
	return files, nil
}

// wantedJoins returns the joins whose column is not ignored.
func (r *relation) wantedJoins(overrides map[string]string) ([]vectorJoin, error) {
	var wanted []vectorJoin
	for _, j := range r.joins {
		switch declaredType(j.name, overrides) {
		case TypeAuto, TypeVector:
			wanted = append(wanted, j)
		case TypeIgnore:
		default:
			return nil, configfile.Errorf("columns."+j.name+".type", "column %s holds the vectors of %s; its type is vector", wording.Quote(j.name), wording.FileName(j.matrix))
		}
	}
	return wanted, nil
}

// keys returns column i as texts, which choose vectors. series has what was
// read of it.
func (r *relation) keys(ctx context.Context, db *duck.DB, i int, series []*Series) (*Series, error) {
	if s := series[i]; s.Kind == Text {
		return s, nil
	}
	// Exactly as written: ids may be longer than the digits of a float64.
	types, again := make([]string, len(r.columns)), make([]*Series, len(r.columns))
	types[i] = TypeCategorical
	_, err := r.readColumns(ctx, db, []int{i}, types, new(plan), again)
	return again[i], err
}

// read makes the column: the vectors that occur in the data, each once.
func (j *vectorJoin) read(ctx context.Context, r *relation, keys *Series) (s *Series, err error) {
	file, err := npy.Open(j.matrix)
	if err != nil {
		return nil, fmt.Errorf("vectors %s: %w", j.name, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	rows, width := file.Rows(), file.Width()
	if rows < 1 || rows > math.MaxInt32 || width < 1 || width > MaxWidth {
		return nil, j.badShape(rows, width)
	}
	at, err := j.matrixRows(ctx, r, keys, rows)
	if err != nil {
		return nil, err
	}
	// vectors numbers the rows of the matrix that occur, once they are read.
	const unused = -1
	vectors := slices.Repeat([]int32{unused}, rows)
	n := 0
	for _, code := range keys.Codes {
		if code >= 0 && at[code] >= 0 && vectors[at[code]] == unused {
			vectors[at[code]] = 0
			n++
		}
	}
	s = &Series{Name: j.name, Kind: Vector, Width: width, Codes: make([]int32, len(keys.Codes)), Floats32: make([]float32, 0, n*width)}
	block := make([]float32, max(1, vectorBlock/width)*width)
	for row := 0; row < rows; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		got, err := file.ReadRows(block)
		if err != nil {
			return nil, fmt.Errorf("vectors %s: %w", j.name, err)
		}
		for k := range got {
			if vectors[row+k] == unused {
				continue
			}
			v := block[k*width : (k+1)*width]
			present, err := checkVector(v)
			if err != nil {
				return nil, j.noVector(row+k, err)
			}
			if !present {
				vectors[row+k] = unused
				continue
			}
			vectors[row+k] = int32(len(s.Floats32) / width)
			s.Floats32 = append(s.Floats32, v...)
		}
		row += got
	}
	for i, code := range keys.Codes {
		s.Codes[i] = -1
		if code >= 0 && at[code] >= 0 {
			s.Codes[i] = vectors[at[code]]
		}
	}
	return s, nil
}

// vectorBlock is how many numbers of a matrix are read at once.
const vectorBlock = 1 << 16

// matrixRows returns the row of the matrix for each entry of the keys'
// dictionary, -1 where it has none.
func (j *vectorJoin) matrixRows(ctx context.Context, r *relation, keys *Series, rows int) ([]int32, error) {
	at := make([]int32, len(keys.Dict))
	if j.ids == "" {
		for code, text := range keys.Dict {
			n, err := strconv.ParseInt(notation.Category(text), 10, 64)
			if err != nil || n < 0 || n >= int64(rows) {
				place := ""
				if i := slices.Index(keys.Codes, int32(code)); i >= 0 {
					place = r.origin.rowPlace(i)
				}
				return nil, j.noRow(place, keys.Name, text, rows)
			}
			at[code] = int32(n)
		}
		return at, nil
	}
	index, err := j.readIndex(ctx, rows)
	if err != nil {
		return nil, err
	}
	found := 0
	for code, text := range keys.Dict {
		row, ok := notation.FindCategory(index, text)
		if !ok {
			row = -1
		} else {
			found++
		}
		at[code] = row
	}
	// New rows may well be of new items alone; training rows that know none of
	// the ids are a mistake.
	if found == 0 && len(keys.Dict) > 0 && !r.options.Learned {
		return nil, &ValueError{Place: r.origin.name(), Column: keys.Name,
			Problem:  fmt.Sprintf("none of its %d values, such as %s, is an id of %s", len(keys.Dict), wording.Quote(keys.Dict[0]), wording.FileName(j.ids)),
			Remedies: []Remedy{ManualRemedy("write the ids as the column does")}}
	}
	return at, nil
}

// readIndex returns the rows of the matrix by their ids.
func (j *vectorJoin) readIndex(ctx context.Context, rows int) (map[string]int32, error) {
	index, err := readIDs(ctx, j.ids, rows)
	if err != nil {
		return nil, fmt.Errorf("vectors %s: %w", j.name, err)
	}
	if len(index) != rows {
		return nil, fmt.Errorf("vectors %s: %s has %d ids, but %s has %d rows; write one id a line, in the order of the rows", j.name, wording.FileName(j.ids), len(index), wording.FileName(j.matrix), rows)
	}
	ids := make([]string, rows)
	for id, row := range index {
		ids[row] = id
	}
	return notation.IndexCategories(index, ids), nil
}

func (j *vectorJoin) badShape(rows, width int) error {
	return fmt.Errorf("vectors %s: %s has %d rows of %d numbers; there may be 1 to %d of 1 to %d", j.name, wording.FileName(j.matrix), rows, width, math.MaxInt32, MaxWidth)
}

func (j *vectorJoin) noVector(row int, why error) error {
	return &ValueError{Place: fmt.Sprintf("%s: row %d", wording.FileName(j.matrix), row), Column: j.name,
		Problem: "the vector " + why.Error(), Remedies: []Remedy{ManualRemedy("make it finite, or all NaN where there is none")}}
}

func (j *vectorJoin) noRow(place, column, text string, rows int) error {
	return &ValueError{Place: place, Column: column, Value: text,
		Problem:  fmt.Sprintf("is no row of %s, which has rows 0 to %d", wording.FileName(j.matrix), rows-1),
		Remedies: []Remedy{ManualRemedy(fmt.Sprintf("correct it, or name the file with the ids of its rows: vectors: {%s: {ids: FILE}}", j.name))}}
}

// readIDs reads one id a line, and returns the number of each line, counted
// from 0.
func readIDs(ctx context.Context, path string, capacity int) (index map[string]int32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the ids of vectors: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	index = make(map[string]int32, min(capacity, 1<<20))
	lines := bufio.NewScanner(&interruptible{ctx, f})
	for n := 0; lines.Scan(); n++ {
		id := strings.TrimSpace(lines.Text())
		if n == 0 {
			id = strings.TrimPrefix(id, "\ufeff")
		}
		if id == "" {
			return nil, fmt.Errorf("%s:%d: the line is empty; write one id a line, for each row of the matrix", wording.FileName(path), n+1)
		}
		if first, ok := index[id]; ok {
			return nil, fmt.Errorf("%s:%d: id %s stands on line %d already; each row of the matrix needs an id of its own", wording.FileName(path), n+1, wording.Quote(id), first+1)
		}
		index[id] = int32(n)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", wording.FileName(path), err)
	}
	return index, nil
}
